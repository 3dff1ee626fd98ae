import { findProblem, kitProblems } from "../contract/index.ts";
import { backoffMs } from "../messaging/index.ts";
import type { Undo } from "./given.ts";
import { outside, type Cause, type Surroundings } from "./unit-context.ts";

/** For one round of all that a request takes back. */
const roundMs = 5_000;
const backoff = { baseMs: 250, capMs: 5_000 };
/** From the first failure on, for about 30 s. */
const rounds = 10;
/** Requests whose acts are taken back after their reply; further ones have one round. */
const most = 1_000;

/** Takes back what requests of one service did in `prepare`. */
export class Undoing {
  readonly #surroundings: Surroundings;
  readonly #stopping: AbortSignal;
  #later = 0;

  constructor(surroundings: Surroundings, stopping: AbortSignal) {
    this.#surroundings = surroundings;
    this.#stopping = stopping;
  }

  /**
   * Runs acts in their order after a request has failed. Resolves after one round, and never rejects: what could not be taken back is tried again in the background
   * until it is given up, and logged.
   */
  async run(acts: readonly Undo[], failure: unknown, cause: Cause): Promise<void> {
    // It may have been committed.
    if (acts.length === 0 || findProblem(failure)?.code === kitProblems.outcomeUnknown.code) return;
    const left = await this.#round(acts, cause);
    if (left.length === 0) return;
    if (this.#later >= most) this.#giveUp(left, cause);
    else void this.#goOn(left, cause);
  }

  async #goOn(acts: readonly Undo[], cause: Cause): Promise<void> {
    const { runtime } = this.#surroundings;
    this.#later += 1;
    let left = acts;
    for (let round = 1; round < rounds && left.length > 0 && !this.#stopping.aborted; round += 1) {
      await runtime.timers.sleep(backoffMs(runtime.random, round, backoff), this.#stopping);
      if (!this.#stopping.aborted) left = await this.#round(left, cause);
    }
    this.#later -= 1;
    this.#giveUp(left, cause);
  }

  /** Gives those that failed. */
  async #round(acts: readonly Undo[], cause: Cause): Promise<readonly Undo[]> {
    const deadline = this.#surroundings.runtime.clock.monotonic() + roundMs;
    const late: Cause = { ...cause, trace: cause.trace, deadline, signal: this.#stopping };
    const { call } = outside(late, this.#surroundings);
    const failed: Undo[] = [];
    for (const act of acts) {
      try {
        await act({ call });
      } catch {
        failed.push(act);
      }
    }
    return failed;
  }

  #giveUp(acts: readonly Undo[], { handler }: Cause): void {
    if (acts.length > 0)
      this.#surroundings.log.warn("a failed request was not taken back", { handler, acts: acts.length });
  }
}
