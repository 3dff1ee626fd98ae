import { kitProblems } from "../contract/index.ts";
import {
  keyClock,
  type Batch,
  type KeyClaim,
  type KeyState,
  type Lease,
  type Parked,
  type Schedule,
  type Settled,
  type Store,
  type SweepOptions,
  type Unit,
  type UnitOfWork,
  type Waiting,
} from "../messaging/index.ts";
import type { Derivation, Runtime } from "../runtime/index.ts";
import { backlog } from "./backlog.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { Engine, Isolation, Result, Session } from "./engine.ts";
import { takeIn } from "./intake.ts";
import type { Parts } from "./message-unit.ts";
import { envelopeNames } from "./kit-tables.ts";
import type { Member } from "./group.ts";
import { Lane } from "./lane.ts";
import type { LaneMeter } from "./lane-metrics.ts";
import type { kyselyFactory } from "./kysely.ts";
import { refuseKey, reserveKey, selectKey, stateOf, type Run } from "./keys.ts";
import { giveUpLease, holdsLease, takeLease } from "./leases.ts";
import { claim, due, nextDue, retry } from "./parking.ts";
import { retime, top, waitingBelow, type Place } from "./waiting.ts";
import { OutboxTail } from "./outgoing.ts";
import { Readers } from "./readers.ts";
import { Replay, requestRules, type Request } from "./requests.ts";
import { envelopeOf, numberOf } from "./rows.ts";
import { nextTick, tick } from "./schedules.ts";
import { Slices } from "./slices.ts";
import { StoreGate } from "./store-gate.ts";
import { storeFault } from "./store-fault.ts";
import { sweep } from "./sweep.ts";
import { Attempt, settled, Turn, type Statement } from "./turn.ts";

export interface StoreParts {
  readonly id: string;
  readonly derivation: Derivation;
  readonly engine: Engine;
  readonly writer: Session;
  readonly reader: Session;
  readonly isolation: Isolation;
  readonly runtime: Runtime;
  readonly kysely: ReturnType<typeof kyselyFactory>;
  readonly meter: LaneMeter;
  readonly onFatal: (error: unknown) => void;
}

/** A service's store on an SQL engine. */
export class SqlStore implements Store<object> {
  readonly id: string;
  readonly derivation: Derivation;
  readonly outside: object;
  readonly #parts: Parts;
  readonly #runtime: Runtime;
  readonly #keyClock: ReturnType<typeof keyClock>;
  readonly #lane: Lane;
  readonly #readers: Readers;
  readonly #deadLetters: DeadLetters;
  readonly #slices = new Slices();
  readonly #engine: Engine;
  readonly #gate = new StoreGate();
  readonly #snapshotsFirst: boolean;
  readonly #requests = new WeakMap<Member, Request>();
  readonly #onOutbox: (() => void)[] = [];
  readonly #onParked: (() => void)[] = [];
  readonly #close: () => Promise<void>;
  /** Where the next page of `retime` begins. */
  #retimedTo: Place = top;
  readonly commitMs: () => number;

  constructor({ id, derivation, engine, writer, reader, isolation, runtime, kysely, meter, onFatal }: StoreParts) {
    this.id = id;
    this.derivation = derivation;
    this.#runtime = runtime;
    this.#keyClock = keyClock(runtime.clock);
    this.commitMs = () => meter.commitMs;
    this.#engine = engine;
    const gate = this.#gate;
    const tail = engine.name === "sqlite" ? new OutboxTail() : undefined;
    const rules = requestRules({ runtime, tail, keyClock: this.#keyClock }, engine.name, this.#requests);
    this.#lane = new Lane({ engine, session: writer, isolation, runtime, rules, meter, gate, onFatal });
    this.#readers = new Readers(reader, engine, gate);
    this.#deadLetters = new DeadLetters(runtime, derivation);
    this.#snapshotsFirst = engine.name === "postgres" && isolation === "serializable";
    const access = (turn: { issue(statement: Statement): Promise<Result> }) =>
      kysely((statement) => turn.issue(statement));
    this.#parts = { lane: this.#lane, runtime, access, deadLetters: this.#deadLetters, tail };
    this.outside = access({ issue: (statement) => this.#readers.one(statement) });
    this.#close = async () => {
      await this.#lane.close();
      await this.#readers.close();
      await writer.close();
      await reader.close();
      await engine.close();
    };
  }

  async query<T>({ label, work }: Pick<UnitOfWork<object, T>, "label" | "deadline" | "work">): Promise<T> {
    const turn = new Turn(label, { readOnly: true });
    const attempt = new Attempt(turn, () => work(this.#unit(turn)));
    if ((await attempt.pause()) === "wants") await this.#readers.run(attempt);
    return settled(attempt.outcome, label);
  }

  async unit<T>({ work, ...asked }: UnitOfWork<object, T>): Promise<Settled<T>> {
    const { faults } = this.#runtime;
    faults.inFlight(1);
    try {
      const onTurn = { ...asked, work: (turn: Turn) => work(this.#unit(turn)) };
      const attempt = attemptOf(onTurn);
      if ((await attempt.pause()) === "done" && attempt.turn.jobs.length === 0)
        return { kind: "committed", value: settled(attempt.outcome, asked.label) };
      const ended = await this.#inGroup(onTurn, attempt).catch((error: unknown) => this.#replayOr(error, asked.key));
      faults.at("reply:sending");
      return ended;
    } finally {
      faults.inFlight(-1);
    }
  }

  /**
   * PostgreSQL takes the snapshot of a serializable transaction before the lock of its key: what a twin committed in between is not seen, but met, as a row that is
   * there already.
   */
  async #replayOr(error: unknown, key: KeyClaim | undefined): Promise<Settled<never>> {
    if (key === undefined || !this.#snapshotsFirst) throw error;
    const state = await this.lookUpKey(key).catch(() => undefined);
    if (state?.kind !== "replied") throw error;
    return { kind: "replayed", reply: state.reply };
  }

  /** One that wants the store, or leaves a job behind. */
  async #inGroup<T>(asked: OnTurn<T>, attempt: Attempt<T>): Promise<Settled<T>> {
    const { deadline, key, encode } = asked;
    const { value, turn } = await new Promise<{ value: unknown; turn: Turn }>((resolve, reject) => {
      const member: Member = {
        attempt,
        restart: () => attemptOf(asked),
        deadline,
        scope: key?.scope,
        isKits: asked.isKits === true,
        settle: (outcome) =>
          outcome.ok ? resolve({ value: outcome.value, turn: member.attempt.turn }) : reject(outcome.error),
      };
      // Proof: what `encode` takes is what `work` resolves with.
      if (key !== undefined && encode !== undefined)
        this.#requests.set(member, { key, encode: (result) => encode(result as T) });
      this.#lane.join(member);
    });
    if (turn.outgoing.length > 0) ring(this.#onOutbox);
    if (turn.jobs.length > 0) ring(this.#onParked);
    // Proof: it is the outcome of `attempt`, or a Replay made by the group.
    return value instanceof Replay
      ? { kind: "replayed", reply: value.reply }
      : { kind: "committed", value: value as T };
  }

  lookUpKey(key: KeyClaim): Promise<KeyState> {
    return this.#readers.use(async (session) => {
      const { rows } = await session.run(`${selectKey} = ?`, [key.scope]);
      return stateOf(rows[0], key, this.#keyClock.expiredBefore());
    });
  }
  reserveKey(key: KeyClaim, nonce: string, deadline: number) {
    const times = { at: this.#keyClock.at(), expiredBefore: this.#keyClock.expiredBefore() };
    return this.#ownUnit("ReserveKey", deadline, (run) => reserveKey(run, key, { nonce, ...times }));
  }
  refuseKey(key: KeyClaim, nonce: string, deadline: number): Promise<void> {
    return this.#ownUnit("RefuseKey", deadline, (run) => refuseKey(run, key, nonce));
  }

  /** Statements of the kit that share their commit with the units that wait. */
  async #ownUnit<T>(label: string, deadline: number, work: (run: Run) => Promise<T>): Promise<T> {
    const asked: OnTurn<T> = {
      label,
      deadline,
      isKits: true,
      work: (turn) => work((sql, parameters, writes) => turn.issue({ sql, parameters, writes })),
    };
    const attempt = attemptOf(asked);
    await attempt.pause();
    const ended = await this.#inGroup(asked, attempt);
    if (ended.kind === "replayed") throw new Error("A unit of the kit was taken for a request.");
    return ended.value;
  }

  async takeIn(batch: Batch<object>) {
    const { faults } = this.#runtime;
    faults.inFlight(batch.messages.length);
    try {
      const taken = await takeIn(this.#parts, this.#slices, batch);
      if (taken.published) ring(this.#onOutbox);
      if (taken.enqueued || taken.parked + taken.dead > 0) ring(this.#onParked);
      return taken;
    } catch (error) {
      // Whether it was committed may not be known.
      this.#ringAll();
      throw error;
    } finally {
      faults.inFlight(-batch.messages.length);
    }
  }

  due = (now: number, limit: number, subscription?: string) =>
    this.#readers.use((session) => due(session, { now: Math.floor(now), limit, subscription }));
  nextDue = () => this.#readers.use(nextDue);

  claim(parked: Pick<Parked, "id">, owner: string, until: number): Promise<boolean> {
    const now = Math.floor(this.#runtime.clock.now());
    return this.#lane.job((session) => claim(session, Number(parked.id), { owner, until, now }));
  }

  async retime(timeOf: (row: Waiting) => number | undefined): Promise<number> {
    const page = await this.#readers.use((session) => waitingBelow(session, this.#retimedTo));
    const changes = page.rows.flatMap((row) => {
      const to = timeOf(row);
      return to === undefined ? [] : [{ ...row, to }];
    });
    if (changes.length > 0) await this.#lane.job((session) => retime(session, changes));
    this.#retimedTo = page.next;
    if (changes.length > 0) ring(this.#onParked);
    return changes.length;
  }

  async retry(...[parked, how]: Parameters<Store<object>["retry"]>) {
    const ended = await retry(this.#parts, parked, how);
    this.#ringAll();
    return ended;
  }

  async outbox(after: number, limit: number) {
    // Who begins at the start asks what is left, which the tail does not know.
    const known = after === 0 ? undefined : this.#parts.tail?.after(after, limit);
    if (known !== undefined) return known;
    const { rows } = await this.#readers.use(async (session) =>
      session.run(`SELECT seq, ${envelopeNames} FROM holdfast_outbox WHERE seq > ? ORDER BY seq LIMIT ?`, [
        after,
        limit,
      ]),
    );
    return rows.map((row) => ({ seq: numberOf(row, "seq"), envelope: envelopeOf(row) }));
  }

  async confirm(lease: Lease, seqs: readonly number[]): Promise<void> {
    const held = await this.#lane.later(async (session) => {
      if (!(await holdsLease(session, lease))) return false;
      await session.runWithList("DELETE FROM holdfast_outbox WHERE seq", [], { type: "bigint", values: seqs });
      return true;
    });
    if (!held) throw kitProblems.staleEpoch({ reason: `The lease ${lease.name} has gone to another instance.` });
  }

  nextTick = (schedule: Schedule, first: number, latest = Number.MAX_SAFE_INTEGER) =>
    this.#lane.job((session) => nextTick(session, schedule, { first, latest }));
  async tick(...[schedule, at, next, job]: Parameters<Store<object>["tick"]>): Promise<boolean> {
    const mine = await this.#lane.job((session) => tick(session, this.#runtime, { schedule, tick: at, next, job }));
    if (mine) ring(this.#onParked);
    return mine;
  }

  onOutbox(wake: () => void): void {
    this.#onOutbox.push(wake);
  }
  onParked(wake: () => void): void {
    this.#onParked.push(wake);
  }

  lease = (name: string, owner: string, ttlMs: number) =>
    this.#lane.job((session) => takeLease(session, this.#runtime, { name, owner, ttlMs }));
  release = (lease: Lease, owner: string) => this.#lane.job((session) => giveUpLease(session, lease, owner));

  deadLetters = (filter: Parameters<DeadLetters["list"]>[1]) =>
    this.#readers.use((session) => this.#deadLetters.list(session, filter));
  deadLetter = (id: string) => this.#readers.use((session) => this.#deadLetters.get(session, id));
  audit = (id: string) => this.#readers.use((session) => this.#deadLetters.audit(session, id));
  redrive = (id: string, actor: string, note: string | undefined) =>
    this.#freeing((session) => this.#deadLetters.redrive(session, id, actor, note));
  discard = (id: string, actor: string, note: string) =>
    this.#freeing((session) => this.#deadLetters.discard(session, id, actor, note));

  backlog = () => this.#readers.use((session) => backlog(session, Math.floor(this.#runtime.clock.now())));
  async depths() {
    const now = Math.floor(this.#runtime.clock.now());
    const { rows } = await this.#readers.use(async (session) =>
      session.run(
        `SELECT (SELECT count(*) FROM holdfast_outbox) AS outbox, (SELECT count(*) FROM holdfast_parked WHERE NOT ${isTimer}) AS parked, (SELECT count(*) FROM holdfast_parked WHERE ${isTimer}) AS timers, (SELECT count(*) FROM holdfast_dead_letters WHERE state = 'dead') AS dead, (SELECT count(*) FROM holdfast_inbox) + (SELECT count(*) FROM holdfast_inbox_foreign) AS inbox`,
        [now, now],
      ),
    );
    const row = rows[0] ?? {};
    return {
      outbox: numberOf(row, "outbox"),
      parked: numberOf(row, "parked"),
      timers: numberOf(row, "timers"),
      dead: numberOf(row, "dead"),
      inbox: numberOf(row, "inbox"),
    };
  }

  async check(): Promise<string | undefined> {
    this.#gate.shut = await storeFault(this.#engine, this.#readers, this.id);
    return this.#gate.shut ?? this.#lane.check();
  }

  sweep = (now: number, { drop = true }: SweepOptions = {}) =>
    drop ? this.#lane.job((session) => sweep(session, now)) : Promise.resolve(false);
  close = () => this.#close();

  #unit(turn: Turn): Unit<object> {
    return {
      access: this.#parts.access(turn),
      publish: (message) => turn.publish(message),
      enqueue: (job) => turn.enqueue(job),
    };
  }

  /** For what may make parked messages due. */
  async #freeing(work: (session: Session) => Promise<boolean>): Promise<boolean> {
    const done = await this.#lane.job(work);
    if (done) ring(this.#onParked);
    return done;
  }

  #ringAll(): void {
    ring(this.#onOutbox);
    ring(this.#onParked);
  }
}

/** A unit of work as the lane runs it. */
interface OnTurn<T> extends Omit<UnitOfWork<object, T>, "work"> {
  readonly isKits?: true;
  readonly work: (turn: Turn) => Promise<T>;
}

function attemptOf<T>({ label, work }: Pick<OnTurn<T>, "label" | "work">): Attempt<T> {
  const turn = new Turn(label, { readOnly: false });
  return new Attempt<T>(turn, () => work(turn));
}

function ring(bells: readonly (() => void)[]): void {
  for (const bell of bells) bell();
}

/** A job that was never tried and is not due yet. */
const isTimer = `(attempts = 0 AND "nextAt" IS NOT NULL AND "nextAt" > ?)`;
