import type { Session } from "./engine.ts";
import type { Waiting } from "./lane-metrics.ts";
import type { Attempt, Outcome } from "./turn.ts";

/** A unit that waits for its turn: its handler has asked for the store. */
export interface Member extends Waiting {
  attempt: Attempt<unknown>;
  /** Invokes the handler again: what the last attempt did is gone. */
  restart(): Attempt<unknown>;
  readonly deadline: number;
  /** Set where the unit has an Idempotency-Key. */
  readonly scope: string | undefined;
  /** Of the kit, no handler's: alone it passes no fault point of units. */
  readonly isKits: boolean;
  /** Called once, when the group has committed (or has failed, with its error). */
  settle(outcome: Outcome<unknown>): void;
}

/** What a group does around its units, in its transaction. */
export interface GroupRules {
  /** Outcomes that are known before a unit runs: replays. `wait`: another process is at work under the same key. */
  begin(session: Session, members: readonly Member[]): Promise<ReadonlyMap<Member, Outcome<unknown> | "wait">>;
  /** Outgoing rows and stored replies of the units that ran. */
  end(session: Session, members: readonly Member[]): Promise<void>;
  /** Told of every transaction, those of jobs too. */
  ended(committed: boolean): void;
}
