import { findProblem, kitProblems } from "../contract/index.ts";
import type { Undo } from "./given.ts";
import { outside, type Cause, type Surroundings } from "./unit-context.ts";

/** For all that one request takes back. */
const undoMs = 5_000;

/** What the `prepare` of one request registered by `undo`. */
export class Undos {
  readonly #acts: Undo[] = [];

  readonly add = (act: Undo): void => {
    this.#acts.push(act);
  };

  /** Runs them after a failure, the last one first, under a deadline of their own. Never rejects: what cannot be taken back is logged. */
  async run(failure: unknown, cause: Cause, surroundings: Surroundings): Promise<void> {
    // It may have been committed.
    if (findProblem(failure)?.code === kitProblems.outcomeUnknown.code) return;
    const { runtime, log } = surroundings;
    const deadline = runtime.clock.monotonic() + undoMs;
    const late: Cause = { ...cause, trace: cause.trace, deadline, signal: new AbortController().signal };
    const { call } = outside(late, surroundings);
    for (const act of this.#acts.toReversed()) {
      try {
        await act({ call });
      } catch (error) {
        // By its code alone: its text may quote the request.
        const code = findProblem(error)?.code ?? kitProblems.internal.code;
        log.warn("an act of a failed request could not be taken back", { handler: cause.handler, code });
      }
    }
  }
}
