import { kitProblems } from "../contract/index.ts";
import { ownTurn, type FaultPoint, type Runtime } from "../runtime/index.ts";
import { isWritersFault, type Engine, type Isolation, type Session } from "./engine.ts";
import type { GroupRules, Member } from "./group.ts";
import type { LaneMeter } from "./lane-metrics.ts";
import { Conflict, Rejected } from "./rejected.ts";
import { runTurn, TransactionGone } from "./run-turn.ts";
import type { StoreGate } from "./store-gate.ts";
import type { Attempt, Outcome } from "./turn.ts";
import { WriteFault } from "./write-fault.ts";

/** Kit work with a transaction of its own. */
interface Job {
  readonly work: (session: Session) => Promise<unknown>;
  /** How often it is run again after conflicts. */
  readonly rounds: number;
  settle(outcome: Outcome<unknown>): void;
}

export interface LaneOptions {
  readonly engine: Engine;
  readonly session: Session;
  /** Of PostgreSQL's transactions. */
  readonly isolation: Isolation;
  readonly runtime: Runtime;
  readonly rules: GroupRules;
  readonly meter: LaneMeter;
  readonly gate: StoreGate;
  readonly onFatal: (error: unknown) => void;
}

/** Serializable transactions conflict by what they read: a neighbour's reads would be a unit's own. */
const groupSizes = { sqlite: 128, "read committed": 16, serializable: 1 } as const;
/** A group that has run this long takes no more units. */
const groupMs = 10;
/** Work that may wait for another transaction waits this long. */
const laterMs = 50;
/** How long a job waits for the store. */
const jobMs = 5_000;
/** How long a statement waits for another transaction's lock: a group with neighbours hardly, a unit or job alone longer. */
const lockMs = { group: 20, alone: 1_000 } as const;
/** Who waits for another process's use of its key asks this often. */
const keyMs = 20;

/** At READ COMMITTED the kit's jobs (batches, retries, leases) of all processes take turns: they decide by rows that others may be about to insert. */
const oneJobAtATime = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' jobs', 0))";

/** `own`: engine and connection are well, so what was written is at fault. */
type Ended =
  | { readonly ok: true; readonly value: undefined }
  | { readonly ok: false; readonly error: unknown; readonly own?: true };

/** Invokes the handler again. */
function renew(member: Member): void {
  member.attempt.fail(undefined);
  member.attempt = member.restart();
}

const overloaded = () => kitProblems.overloaded({}, { headers: { "retry-after": "1" } });

/**
 * A connection that runs groups: units that wait at the same time share one transaction and one sync. A turn is exclusive, and every outcome leaves
 * after the commit. Units and jobs alternate, and the event loop goes round between two groups, be they of different stores.
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
  #lastConflict: unknown;
  readonly engine: Engine["name"];
  readonly #size: number;
  readonly #writeFault: WriteFault;
  readonly #waitsForKey = new WeakSet<Member>();

  constructor(options: LaneOptions) {
    this.#o = options;
    this.#writeFault = new WriteFault(options.engine);
    this.engine = options.engine.name;
    this.#size = groupSizes[options.engine.name === "sqlite" ? "sqlite" : options.isolation];
  }

  join(member: Member): void {
    const refused = this.#refusal();
    if (refused !== undefined) {
      member.attempt.fail(undefined);
      member.settle({ ok: false, error: refused });
      return;
    }
    this.#o.meter.joined(member, this.#units.length, this.#size);
    this.#units.push(member);
    this.#wake();
  }

  /** Runs in a transaction of its own; rejects when nothing of it was committed. `rounds`: after how many conflicts in a row. Default: those of 5 s. */
  job<T>(work: (session: Session) => Promise<T>, rounds = Infinity): Promise<T> {
    return this.#add(this.#jobs, { work, rounds }, () => this.#wake());
  }

  /** Whether a small write succeeds now, on a new connection where the last one is gone. */
  probe = (): Promise<boolean> => this.#writeFault.probe((work) => this.job(work));

  /** Why nothing can be written at present; undefined where writes go well. */
  check(): Promise<string | undefined> {
    return this.#writeFault.check((work) => this.job(work));
  }

  /** Joins the next transaction; makes one of its own only when none comes. The work may not fail for reasons of its own: it shares the fate of others. */
  later<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#add(this.#later, { work, rounds: Infinity }, () => this.#armLater());
  }

  #armLater(): void {
    this.#timer ??= this.#o.runtime.timers.after(laterMs, () => {
      this.#timer = undefined;
      this.#jobs.push(...this.#later.splice(0));
      this.#wake();
    });
  }

  #add<T>(
    queue: Job[],
    { work, rounds }: { readonly work: (session: Session) => Promise<T>; readonly rounds: number },
    wake: () => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const refused = this.#refusal();
      if (refused !== undefined) {
        reject(refused);
        return;
      }
      queue.push({
        work,
        rounds,
        // Proof: the value is what `work` resolved with.
        settle: (outcome) => (outcome.ok ? resolve(outcome.value as T) : reject(outcome.error)),
      });
      wake();
    });
  }

  #refusal(): Error | undefined {
    return this.#closed ? kitProblems.unavailable({ reason: "The store is closed." }) : this.#o.gate.refusal();
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
      await ownTurn();
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
    for (let round = 1; ; round += 1) {
      let value: unknown;
      const committed = await this.#transaction({ deadline, lockMs: lockMs.alone }, async (session) => {
        if (this.#o.engine.name === "postgres" && this.#o.isolation === "read committed")
          await session.run(oneJobAtATime);
        value = await job.work(session);
      });
      if (typeof committed !== "string") {
        job.settle(committed.ok ? { ok: true, value } : committed);
        return;
      }
      if (committed === "riders") continue;
      if (round >= job.rounds || !(await this.#backOff(round, deadline))) {
        const cause = this.#lastConflict;
        job.settle({ ok: false, error: kitProblems.unavailable({ reason: "The store is in contention." }, { cause }) });
        return;
      }
    }
  }

  /** Waits longer each round, by chance, so that two that collide part; false when the deadline has passed. */
  async #backOff(round: number, deadline: number): Promise<boolean> {
    const { clock, random, timers } = this.#o.runtime;
    await timers.sleep(random.next() * Math.min(50, 2 ** round));
    return clock.monotonic() < deadline;
  }

  async #group(): Promise<void> {
    const now = this.#o.runtime.clock.monotonic();
    const members: Member[] = [];
    const scopes = new Set<string>();
    for (const member of this.#units.splice(0, this.#size)) {
      if (member.deadline <= now) this.#late(member);
      else if (member.scope !== undefined && scopes.has(member.scope)) this.#units.push(member);
      else {
        if (member.scope !== undefined) scopes.add(member.scope);
        members.push(member);
      }
    }
    if (members.length === 0) return;
    this.#o.meter.begun(members, now);
    await this.#runGroup(members);
  }

  /** What one of them writes may fail for all, at the end of the group or at its commit: halves run again, until it is alone and has the error for itself. */
  async #runGroup(members: readonly Member[]): Promise<void> {
    const ended = await this.#together(members, this.#size > 1 ? lockMs.group : lockMs.alone);
    if (ended === "settled") return;
    if (ended === "conflict") {
      for (const member of members) await this.#alone(member);
      return;
    }
    const half = ended === "apart" ? Math.ceil(members.length / 2) : members.length;
    for (const part of [members.slice(0, half), members.slice(half)]) {
      if (part.length === 0) continue;
      for (const member of part) renew(member);
      await this.#runGroup(part);
    }
  }

  #late(member: Member): void {
    member.attempt.fail(undefined);
    const error = this.#waitsForKey.has(member)
      ? kitProblems.idempotencyKeyInUse({}, { headers: { "retry-after": "1" } })
      : overloaded();
    member.settle({ ok: false, error });
  }

  async #alone(member: Member): Promise<void> {
    for (let round = 1; ; round += 1) {
      if (!(await this.#backOff(round, member.deadline))) {
        this.#late(member);
        return;
      }
      renew(member);
      if ((await this.#together([member], lockMs.alone)) === "settled") return;
    }
  }

  /** One transaction for all. Unless it is `settled` nothing was committed, and nobody has heard of its attempts; `apart`: one of several members is at fault. */
  async #together(members: readonly Member[], lockMs: number): Promise<"settled" | "conflict" | "riders" | "apart"> {
    const { runtime, rules } = this.#o;
    const deadline = Math.max(...members.map((member) => member.deadline));
    const { faults } = runtime;
    const at = (point: FaultPoint) => (members.every(({ isKits }) => isKits) ? undefined : faults.at(point));
    const ran: Member[] = [];
    let left: readonly Member[] = [];
    let known: ReadonlyMap<Member, Outcome<unknown> | "wait"> = new Map();
    const committed = await this.#transaction({ deadline, lockMs }, async (session) => {
      at("unit:begun");
      const started = runtime.clock.monotonic();
      known = await rules.begin(session, members);
      for (const [place, member] of members.entries()) {
        if (known.has(member)) continue;
        if (ran.length > 0 && runtime.clock.monotonic() - started > groupMs) {
          left = members.slice(place).filter((other) => !known.has(other));
          break;
        }
        ran.push(member);
        await this.turn(session, member.attempt);
      }
      at("unit:ran");
      await rules.end(session, ran);
      at("unit:committing");
    });
    if (typeof committed === "string") return committed;
    if (!committed.ok && committed.own === true && members.length > 1) return "apart";
    if (committed.ok) {
      at("unit:committed");
      this.#o.meter.committed(ran.length);
      this.#units.unshift(...left);
    }
    for (const member of members) {
      const outcome = known.get(member) ?? member.attempt.outcome;
      if (!committed.ok) {
        member.attempt.fail(undefined);
        member.settle(committed);
      } else if (outcome === "wait") this.#waitForKey(member);
      else if (!left.includes(member)) {
        if (known.has(member)) member.attempt.fail(undefined);
        member.settle(outcome ?? { ok: false, error: new Error("A unit ended without an outcome.") });
      }
    }
    return "settled";
  }

  #waitForKey(member: Member): void {
    this.#waitsForKey.add(member);
    const { clock, timers } = this.#o.runtime;
    timers.after(Math.min(keyMs, member.deadline - clock.monotonic()), () => this.join(member));
  }

  /** Grants the turn, within the running transaction. */
  turn(session: Session, attempt: Attempt<unknown>): Promise<Outcome<unknown>> {
    return runTurn(this.#o.engine, session, attempt);
  }

  /**
   * BEGIN to COMMIT. Whatever fails, nothing is committed. `conflict`: it runs again. `riders`: it runs again without those who shared the transaction and
   * may be at fault. Else the caller gets the reason: a problem, or the engine's own error where what was written is at fault (`own`).
   */
  async #transaction(
    { deadline, lockMs }: { readonly deadline: number; readonly lockMs: number },
    work: (session: Session) => Promise<void>,
  ): Promise<Ended | "conflict" | "riders"> {
    const { session, engine, rules, onFatal } = this.#o;
    let committing = false;
    let riders: Job[] = [];
    try {
      if (!(await this.#begin(deadline, lockMs))) return { ok: false, error: overloaded() };
      await work(session);
      riders = this.#later.splice(0);
      const rode: { job: Job; value: unknown }[] = [];
      for (const job of riders) rode.push({ job, value: await job.work(session) });
      committing = true;
      await this.#o.meter.commit(() => session.commit());
      rules.ended(true);
      for (const { job, value } of rode) job.settle({ ok: true, value });
      return { ok: true, value: undefined };
    } catch (error) {
      await this.#rollback();
      rules.ended(false);
      const kind =
        error instanceof Conflict
          ? "conflict"
          : engine.classify(error instanceof TransactionGone ? error.cause : error);
      if (kind === "conflict") {
        this.#o.meter.conflict();
        this.#lastConflict = error;
        this.#later.unshift(...riders);
        if (riders.length > 0) this.#armLater();
        return "conflict";
      }
      this.#writeFault.note(error instanceof TransactionGone ? error.cause : error);
      for (const job of riders)
        job.settle({
          ok: false,
          error: kitProblems.unavailable({ reason: "The store could not commit." }, { cause: error }),
        });
      // A server keeps what it has committed, whatever becomes of the connection; a file that cannot be written keeps nothing for certain.
      if (committing && kind === "lost" && engine.name === "sqlite") onFatal(error);
      if (error instanceof Rejected) return { ok: false, error: error.cause };
      if (kind === "unknown") return { ok: false, error: kitProblems.outcomeUnknown({}, { cause: error }) };
      if (!isWritersFault(kind, { committing })) {
        const headers = { "retry-after": "1" };
        const reason = kind === "unwritable" ? "The store cannot be written now." : "The store could not commit.";
        return { ok: false, error: kitProblems.unavailable({ reason }, { cause: error, headers }) };
      }
      if (riders.length > 0) return "riders";
      return { ok: false, own: true, error: error instanceof TransactionGone ? error.cause : error };
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
  async #begin(deadline: number, lockMs: number): Promise<boolean> {
    const { session, engine, isolation, runtime } = this.#o;
    for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
      try {
        await session.begin("write", { isolation, lockMs });
        return true;
      } catch (error) {
        if (engine.classify(error) !== "busy") throw error;
        if (runtime.clock.monotonic() >= deadline) return false;
        await runtime.timers.sleep(pause);
      }
    }
  }
}
