import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Engine, Session } from "./engine.ts";
import type { Attempt, Outcome } from "./turn.ts";

/** A unit that waits for its turn: its handler has asked for the store. */
export interface Member {
  readonly attempt: Attempt<unknown>;
  readonly deadline: number;
  /** Set where the unit has an Idempotency-Key. */
  readonly scope: string | undefined;
  /** Called once, when the group has committed (or has failed, with its error). */
  settle(outcome: Outcome<unknown>): void;
}

/** What a group does around its units, in its transaction. */
export interface GroupRules {
  /** Outcomes that are known before a unit runs: replays. */
  begin(session: Session, members: readonly Member[]): Promise<ReadonlyMap<Member, Outcome<unknown>>>;
  /** Outgoing rows and stored replies of the units that ran. */
  end(session: Session, members: readonly Member[]): Promise<void>;
}

/** Kit work with a transaction of its own. */
interface Job {
  readonly work: (session: Session) => Promise<unknown>;
  settle(outcome: Outcome<unknown>): void;
}

export interface LaneOptions {
  readonly engine: Engine;
  readonly session: Session;
  readonly runtime: Runtime;
  readonly rules: GroupRules;
  readonly onFatal: (error: unknown) => void;
}

const groupSize = 128;
/** A group that has run this long takes no more units. */
const groupMs = 10;
/** Work that may wait for another transaction waits this long. */
const laterMs = 50;
/** How long a job waits for the store. */
const jobMs = 5_000;

/** Thrown inside a group when its transaction is gone. */
class TransactionGone extends Error {}

/**
 * A connection that runs groups: units that wait at the same time share one transaction and one sync. A turn is exclusive, and every outcome leaves
 * after the commit. Units and jobs alternate, and the event loop gets its turn between two groups.
 */
export class Lane {
  readonly #o: LaneOptions;
  #units: Member[] = [];
  #jobs: Job[] = [];
  #later: Job[] = [];
  #running: Promise<void> | undefined;
  #unitsNext = true;
  #timer: { cancel(): void } | undefined;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#o = options;
  }

  join(member: Member): void {
    if (this.#closed) {
      member.settle({ ok: false, error: kitProblems.unavailable({ reason: "The store is closed." }) });
      return;
    }
    this.#units.push(member);
    this.#wake();
  }

  /** Runs in a transaction of its own; rejects when nothing of it was committed. */
  job<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#add(this.#jobs, work, () => this.#wake());
  }

  /** Joins the next transaction; makes one of its own only when none comes. The work may not fail for reasons of its own: it shares the fate of others. */
  later<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#add(this.#later, work, () => {
      this.#timer ??= this.#o.runtime.timers.after(laterMs, () => {
        this.#timer = undefined;
        this.#jobs.push(...this.#later.splice(0));
        this.#wake();
      });
    });
  }

  #add<T>(queue: Job[], work: (session: Session) => Promise<T>, wake: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(kitProblems.unavailable({ reason: "The store is closed." }));
        return;
      }
      queue.push({
        work,
        // Proof: the value is what `work` resolved with.
        settle: (outcome) => (outcome.ok ? resolve(outcome.value as T) : reject(outcome.error)),
      });
      wake();
    });
  }

  /** Runs what is there, then takes no more. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#jobs.push(...this.#later.splice(0));
    if (this.#jobs.length > 0) this.#wake();
    await this.#running;
    this.#closed = true;
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#units.length + this.#jobs.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    while (this.#units.length + this.#jobs.length > 0) {
      // What arrives in the same turn of the event loop shares the commit.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const units = this.#jobs.length === 0 || (this.#unitsNext && this.#units.length > 0);
      this.#unitsNext = !units;
      if (units) await this.#group();
      else await this.#oneJob();
    }
  }

  async #oneJob(): Promise<void> {
    const job = this.#jobs.shift();
    if (job === undefined) return;
    const deadline = this.#o.runtime.clock.monotonic() + jobMs;
    let value: unknown;
    const committed = await this.#transaction(deadline, async (session) => {
      value = await job.work(session);
    });
    job.settle(committed.ok ? { ok: true, value } : committed);
  }

  async #group(): Promise<void> {
    const { runtime, rules } = this.#o;
    const now = runtime.clock.monotonic();
    const waiting = this.#units.splice(0, groupSize);
    const members: Member[] = [];
    const scopes = new Set<string>();
    for (const member of waiting) {
      if (member.deadline <= now) {
        member.attempt.fail(undefined);
        member.settle({ ok: false, error: kitProblems.overloaded({}, { headers: { "retry-after": "1" } }) });
      } else if (member.scope !== undefined && scopes.has(member.scope)) this.#units.push(member);
      else {
        if (member.scope !== undefined) scopes.add(member.scope);
        members.push(member);
      }
    }
    if (members.length === 0) return;
    const deadline = Math.max(...members.map((member) => member.deadline));
    const ran: Member[] = [];
    let known: ReadonlyMap<Member, Outcome<unknown>> = new Map();
    const committed = await this.#transaction(deadline, async (session) => {
      runtime.faults.at("unit:begun");
      const started = runtime.clock.monotonic();
      known = await rules.begin(session, members);
      for (const [at, member] of members.entries()) {
        if (known.has(member)) member.attempt.fail(undefined);
        else if (at > 0 && runtime.clock.monotonic() - started > groupMs) {
          this.#units.unshift(...members.slice(at).filter((left) => !known.has(left)));
          break;
        } else {
          ran.push(member);
          await this.turn(session, member.attempt);
        }
      }
      runtime.faults.at("unit:ran");
      await rules.end(session, ran);
      runtime.faults.at("unit:committing");
    });
    if (committed.ok) runtime.faults.at("unit:committed");
    const back = new Set(this.#units);
    for (const member of members) {
      if (back.has(member) && committed.ok) continue;
      if (!committed.ok) {
        member.attempt.fail(undefined);
        member.settle(committed);
      } else
        member.settle(
          known.get(member) ??
            member.attempt.outcome ?? { ok: false, error: new Error("A unit ended without an outcome.") },
        );
    }
    if (!committed.ok) this.#units = this.#units.filter((member) => !members.includes(member));
  }

  /** Grants the turn: executes what the handler asks for until it is done. A unit that fails leaves no trace in the transaction. */
  async turn(session: Session, attempt: Attempt<unknown>): Promise<Outcome<unknown>> {
    const { turn } = attempt;
    let saved = false;
    do {
      for (let statement = turn.next(); statement !== undefined; statement = turn.next()) {
        if (statement.writes && !saved) {
          await session.savepoint();
          saved = true;
        }
        try {
          const result = await session.run(statement.sql, statement.parameters);
          if (statement.writes) turn.writes += 1;
          statement.resolve(result);
        } catch (error) {
          // Some errors end the whole transaction; going on would commit the rest of the unit alone.
          if (!session.inTransaction())
            throw new TransactionGone("The engine ended the transaction.", { cause: error });
          statement.reject(error);
        }
      }
    } while ((await attempt.pause()) === "wants");
    const outcome = attempt.outcome ?? { ok: false as const, error: new Error("A unit ended without an outcome.") };
    if (saved) await (outcome.ok ? session.release() : session.rollbackToSavepoint());
    return outcome;
  }

  /** BEGIN to COMMIT. Whatever fails, nothing is committed and the caller gets the reason as a problem. */
  async #transaction(deadline: number, work: (session: Session) => Promise<void>): Promise<Outcome<undefined>> {
    const { session, engine, onFatal } = this.#o;
    let committing = false;
    let riders: Job[] = [];
    try {
      if (!(await this.#begin(deadline)))
        return { ok: false, error: kitProblems.overloaded({}, { headers: { "retry-after": "1" } }) };
      await work(session);
      riders = this.#later.splice(0);
      const rode: { job: Job; value: unknown }[] = [];
      for (const job of riders) rode.push({ job, value: await job.work(session) });
      committing = true;
      await session.commit();
      for (const { job, value } of rode) job.settle({ ok: true, value });
      return { ok: true, value: undefined };
    } catch (error) {
      await this.#rollback();
      for (const job of riders)
        job.settle({
          ok: false,
          error: kitProblems.unavailable({ reason: "The store could not commit." }, { cause: error }),
        });
      if (committing && engine.classify(error) === "lost") onFatal(error);
      if (error instanceof Rejected) return { ok: false, error: error.cause };
      const infrastructure = committing || error instanceof TransactionGone || engine.classify(error) !== "other";
      return {
        ok: false,
        error: infrastructure
          ? kitProblems.unavailable(
              { reason: "The store could not commit." },
              { cause: error, headers: { "retry-after": "1" } },
            )
          : error,
      };
    }
  }

  async #rollback(): Promise<void> {
    try {
      await this.#o.session.rollback();
    } catch (error) {
      this.#o.onFatal(error);
    }
  }

  /** A busy store is asked again, later and later, without blocking the event loop; false when the deadline has passed. */
  async #begin(deadline: number): Promise<boolean> {
    const { session, engine, runtime } = this.#o;
    for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
      try {
        await session.begin("write");
        return true;
      } catch (error) {
        if (engine.classify(error) !== "busy") throw error;
        if (runtime.clock.monotonic() >= deadline) return false;
        await runtime.timers.sleep(pause);
      }
    }
  }
}

/** Rolls a job back and gives its caller the cause as it is. */
export class Rejected extends Error {
  constructor(cause: unknown) {
    super("rejected", { cause });
  }
}
