import { findProblem } from "../contract/index.ts";
import { isInfrastructure } from "../messaging/index.ts";
import type { Lane } from "./lane.ts";
import { sqlState } from "./postgres-session.ts";
import { Conflict } from "./rejected.ts";
import { TransactionGone } from "./run-turn.ts";

/** A message that is alone has to fail this often before it counts as an attempt: the first failure may come from a store that just restarts. */
const repetitions = 3;
/** A transaction that handles messages gives up after this many conflicts in a row. */
export const conflictRounds = 8;
const diskFull = "53100";

/**
 * The engine's error of a transaction that ran a handler, where it looks like a conflict or an outage but a small write succeeds right after it: the handler's
 * own statement may be at fault. Undefined where the store is at fault, or where nothing can be said.
 */
export async function unitsError(lane: Lane, error: unknown): Promise<Error | undefined> {
  if (!(error instanceof Error) || findProblem(error)?.code !== "kit/unavailable") return undefined;
  const cause = error.cause instanceof TransactionGone ? error.cause.cause : error.cause;
  if (!(cause instanceof Error)) return undefined;
  // A full disk may still have room for a small write, and a file of SQLite that failed once is not trusted.
  const canTell = cause instanceof Conflict || (lane.engine === "postgres" && sqlState(cause) !== diskFull);
  return canTell && (await lane.probe()) ? cause : undefined;
}

/** Decides whether the failed transactions of one message are its own fault. A true outage never counts as an attempt. */
export class Repetitions {
  readonly #lane: Lane;
  #count = 0;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** The error as a failure of the unit, or `again` while that is not certain. Throws the error where the store is at fault. */
  async judge(error: unknown): Promise<{ readonly failed: unknown } | "again"> {
    if (!isInfrastructure(error)) return { failed: error };
    const own = await unitsError(this.#lane, error);
    if (own === undefined) throw error;
    this.#count += 1;
    if (this.#count < repetitions) return "again";
    this.#count = 0;
    // A handler's `Conflict` may have a cause that would pause the consumer.
    return { failed: isInfrastructure(own) ? new Error(own.message) : own };
  }
}
