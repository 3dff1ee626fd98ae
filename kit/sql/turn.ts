import type { Outgoing, OutgoingJob } from "../messaging/index.ts";
import type { Result } from "./engine.ts";

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly writes: boolean;
}

/** What a handler asks of its store. */
export interface Asked {
  readonly writes: boolean;
}

export type Waiting<S extends Asked, R> = S & {
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * All microtasks have run when it resolves: whatever a handler does on awaiting its last answer has been done by then. Called from a microtask: the
 * callbacks of `nextTick` run one after another, and microtasks only then.
 */
const tick = (): Promise<void> =>
  new Promise((resolve) => {
    process.nextTick(resolve);
  });
const microtask = Promise.resolve();
/** Most handlers are done after so many microtasks, which are cheaper than a tick. */
const fewMicrotasks = 8;

/**
 * One invocation of a handler, and the only way in which it reaches the store. Its statements wait here until the turn is granted; a statement
 * that comes when the unit has ended is refused.
 */
export class Turn<S extends Asked = Statement, R = Result> {
  readonly label: string;
  readonly readOnly: boolean;
  readonly outgoing: Outgoing[] = [];
  readonly jobs: OutgoingJob[] = [];
  /** Writes that were executed. */
  writes = 0;
  #waiting: Waiting<S, R>[] = [];
  #ended = false;

  constructor(label: string, { readOnly }: { readonly readOnly: boolean }) {
    this.label = label;
    this.readOnly = readOnly;
  }

  /** Called by the store's access, synchronously with the call of the handler. */
  issue(statement: S): Promise<R> {
    if (this.#ended) {
      return Promise.reject(
        new Error(
          `${this.label} used the store after its unit had ended: do everything before the handler returns, and keep no store for later.`,
        ),
      );
    }
    if (this.readOnly && statement.writes) {
      return Promise.reject(
        new Error(
          `${this.label} tried to write where the store is read-only: write in "run" of a POST, PUT, PATCH or DELETE, or in a consumer.`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...statement, resolve, reject });
    });
  }

  publish(message: Outgoing): void {
    if (this.#ended)
      throw new Error(`${this.label} published ${message.type} after its unit had ended: it would have been lost.`);
    if (this.readOnly)
      throw new Error(`${this.label} published ${message.type} in a query: only a unit that writes may publish.`);
    if (this.writes === 0)
      throw new Error(
        `${this.label} published ${message.type} before its first write: write the row that orders "${message.key}" first, then publish.`,
      );
    this.outgoing.push(message);
  }

  enqueue(job: OutgoingJob): void {
    if (this.#ended)
      throw new Error(`${this.label} enqueued ${job.type} after its unit had ended: it would have been lost.`);
    if (this.readOnly) throw new Error(`${this.label} enqueued ${job.type} in a query: only a unit may.`);
    this.jobs.push(job);
  }

  /** Whether it leaves anything behind when it commits. */
  get changes(): boolean {
    return this.writes > 0 || this.jobs.length > 0;
  }

  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  next(): Waiting<S, R> | undefined {
    return this.#waiting.shift();
  }

  /** What was never executed stays unsettled: nobody waits for it any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** The value of an outcome; throws its error. */
export function settled<T>(outcome: Outcome<T> | undefined, label: string): T {
  if (outcome?.ok === true) return outcome.value;
  const error = outcome?.error;
  throw error instanceof Error
    ? error
    : new Error(`${label} failed with something that is no error.`, { cause: error });
}

/** A handler at work on its turn. */
export class Attempt<T, S extends Asked = Statement, R = Result> {
  readonly turn: Turn<S, R>;
  #outcome: Outcome<T> | undefined;

  constructor(turn: Turn<S, R>, work: () => Promise<T>) {
    this.turn = turn;
    const settle = (outcome: Outcome<T>) => {
      this.#outcome ??= outcome;
    };
    try {
      work().then(
        (value) => settle({ ok: true, value }),
        (error: unknown) => settle({ ok: false, error }),
      );
    } catch (error) {
      settle({ ok: false, error });
    }
  }

  fail(error: unknown): void {
    this.#outcome = { ok: false, error };
    this.turn.end();
  }

  /** Undefined while the handler is at work. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  /**
   * Where the handler stands when all microtasks have run: it wants the store, or it is done. A handler that is neither awaits something that is not
   * the store, and one that is done but has statements waiting has forgotten to await them: both fail.
   */
  async pause(): Promise<"wants" | "done"> {
    const { turn } = this;
    await microtask;
    for (let passed = 1; passed < fewMicrotasks && this.#outcome === undefined && !turn.waits; passed += 1)
      await microtask;
    if (this.#outcome === undefined || turn.waits) await tick();
    if (this.#outcome === undefined) {
      if (turn.waits) return "wants";
      this.fail(
        new Error(
          `${turn.label} awaited something that is not the store: move calls, timers and files into "prepare", or into another unit.`,
        ),
      );
    } else if (turn.waits && this.#outcome.ok) {
      this.fail(
        new Error(`${turn.label} returned while a statement was still waiting: await every call on the store.`),
      );
    }
    turn.end();
    return "done";
  }
}
