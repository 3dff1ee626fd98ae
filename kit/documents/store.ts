import { kitProblems } from "../contract/index.ts";
import type {
  Backlog,
  KeyClaim,
  KeyState,
  Lease,
  Parked,
  Settled,
  Store,
  SweepOptions,
  UnitOfWork,
  Waiting,
} from "../messaging/index.ts";
import type { Derivation } from "../runtime/index.ts";
import { Attempt, settled as valueOf, Turn } from "../sql/index.ts";
import { accessTo, directly, throughTurn } from "./access.ts";
import { backlog } from "./backlog.ts";
import type { Opener } from "./collection.ts";
import { DeadLetters } from "./dead-letters.ts";
import { takeIn } from "./intake.ts";
import { names } from "./kit-collections.ts";
import { findKey, refuseKey, reserveKey } from "./keys.ts";
import { giveUpLease, holdsLease, takeLease } from "./leases.ts";
import { collectionNames, unitAccess, type MessageParts } from "./message-unit.ts";
import { Outbox } from "./outbox.ts";
import { change } from "./parked.ts";
import { claim, due, nextDue, retry } from "./retry.ts";
import { nextTick, tick } from "./schedules.ts";
import { sweep, type SweptTo } from "./sweep.ts";
import { waitingBelow, waitingOf } from "./waiting.ts";
import { answer, runUnit, type Question } from "./unit.ts";

/** A service's store on documents: one unit changes one document, by one atomic write. */
export class DocumentStore implements Store<object> {
  readonly id: string;
  readonly derivation: Derivation;
  readonly outside: object;
  readonly check: Store<object>["check"];
  readonly #parts: MessageParts;
  readonly #deadLetters: DeadLetters;
  readonly #outbox: Outbox;
  readonly #sweptTo: SweptTo = { asleep: undefined, redriven: undefined };
  /** Where the next page of `retime` begins; undefined for the top. */
  #retimedTo: number | undefined;
  readonly #bells: Readonly<Record<"outbox" | "parked", (() => void)[]>> = { outbox: [], parked: [] };

  constructor(
    { storeId, ...parts }: Omit<MessageParts, "ring"> & { readonly storeId: string },
    check: Store<object>["check"],
  ) {
    this.id = storeId;
    this.derivation = parts.derivation;
    this.check = check;
    this.#parts = {
      ...parts,
      ring: (what) => {
        for (const bell of this.#bells[what]) bell();
      },
    };
    this.#deadLetters = new DeadLetters(this.#parts);
    this.#outbox = new Outbox(parts.engine);
    this.outside = accessTo(parts.engine, parts.collections, directly, readOnly("prepare"));
  }

  async query<T>({ label, work }: Pick<UnitOfWork<object, T>, "label" | "deadline" | "work">): Promise<T> {
    const turn: Turn<Question, unknown> = new Turn(label, { readOnly: true });
    const { engine, collections } = this.#parts;
    const access = accessTo(engine, collections, throughTurn(turn), readOnly(label));
    const attempt = new Attempt<T, Question, unknown>(turn, () =>
      work({ access, publish: (message) => turn.publish(message), enqueue: (job) => turn.enqueue(job) }),
    );
    await answer(attempt);
    return valueOf(attempt.outcome, label);
  }

  async unit<T>({ label, deadline, key, encode, work }: UnitOfWork<object, T>): Promise<Settled<T>> {
    const { faults } = this.#parts.runtime;
    faults.inFlight(1);
    try {
      const ran = await runUnit<T>(this.#parts, {
        label,
        deadline,
        key,
        encode,
        accessOf: unitAccess(this.#parts),
        work,
      });
      faults.at("reply:sending");
      if (ran.kind === "duplicate") throw new Error("A request was taken for a message.");
      return ran;
    } finally {
      faults.inFlight(-1);
    }
  }

  async lookUpKey(key: KeyClaim): Promise<KeyState> {
    const { engine, keyClock } = this.#parts;
    return (await findKey(engine, key, keyClock)).state;
  }
  reserveKey(key: KeyClaim, nonce: string) {
    const { engine, keyClock } = this.#parts;
    return reserveKey(engine, key, { nonce, keyClock });
  }
  refuseKey = (key: KeyClaim, nonce: string) => refuseKey(this.#parts.engine, key, nonce);

  async takeIn(...[batch]: Parameters<Store<object>["takeIn"]>) {
    const { faults } = this.#parts.runtime;
    faults.inFlight(batch.messages.length);
    try {
      return await takeIn(this.#parts, this.#deadLetters, batch);
    } finally {
      faults.inFlight(-batch.messages.length);
      this.#parts.ring("parked");
    }
  }
  due = (now: number, limit: number, subscription?: string) =>
    due(this.#parts, { now: Math.floor(now), limit, subscription });
  nextDue = () => nextDue(this.#parts);
  claim = ({ id }: Parked, owner: string, until: number) => claim(this.#parts, String(id), { owner, until });
  async retime(timeOf: (row: Waiting) => number | undefined): Promise<number> {
    const { engine, ring } = this.#parts;
    const page = await waitingBelow(engine, this.#retimedTo);
    let changed = 0;
    for (const row of page.rows) {
      const nextAt = timeOf(waitingOf(row));
      if (nextAt !== undefined && (await change(engine, row, { nextAt: Math.ceil(nextAt) }))) changed += 1;
    }
    this.#retimedTo = page.next;
    if (changed > 0) ring("parked");
    return changed;
  }
  async retry(...[parked, how]: Parameters<Store<object>["retry"]>) {
    const ended = await retry(this.#parts, this.#deadLetters, parked, how);
    this.#parts.ring("parked");
    return ended;
  }

  outbox = (after: number, limit: number) => this.#outbox.rows(after, limit);
  async confirm(lease: Lease, seqs: readonly number[]): Promise<void> {
    if (!(await holdsLease(this.#parts.engine, lease)))
      throw kitProblems.staleEpoch({ reason: `The lease ${lease.name} has gone to another instance.` });
    await this.#outbox.remove(seqs);
  }
  nextTick = (...[schedule, first, latest = Number.MAX_SAFE_INTEGER]: Parameters<Store<object>["nextTick"]>) =>
    nextTick(this.#parts.engine, schedule, { first, latest });
  async tick(...[schedule, at, next, job]: Parameters<Store<object>["tick"]>): Promise<boolean> {
    const mine = await tick(this.#parts, { schedule, tick: at, next, job });
    if (mine) this.#parts.ring("parked");
    return mine;
  }
  onOutbox(wake: () => void): void {
    this.#bells.outbox.push(wake);
  }
  onParked(wake: () => void): void {
    this.#bells.parked.push(wake);
  }
  lease = (name: string, owner: string, ttlMs: number) =>
    takeLease(this.#parts.engine, this.#parts.runtime, { name, owner, ttlMs });
  release = (lease: Lease, owner: string) => giveUpLease(this.#parts.engine, lease, owner);

  deadLetters = (filter: Parameters<DeadLetters["list"]>[0]) => this.#deadLetters.list(filter);
  deadLetter = (id: string) => this.#deadLetters.get(id);
  audit = (id: string) => this.#deadLetters.audit(id);
  redrive = (id: string, actor: string, note: string | undefined) =>
    this.#freeing(this.#deadLetters.redrive(id, actor, note));
  discard = (id: string, actor: string, note: string) => this.#freeing(this.#deadLetters.discard(id, actor, note));

  commitMs = (): number => this.#parts.engine.commitMs();
  backlog = (): Promise<Backlog> => backlog(this.#parts.engine, Math.floor(this.#parts.runtime.clock.now()));
  async depths() {
    const { engine, runtime } = this.#parts;
    const now = Math.floor(runtime.clock.now());
    const fresh = { attempts: 0 };
    const [outbox, all, dead, inbox] = await Promise.all([
      engine.count(names.outbox),
      engine.count(names.parked),
      engine.count(names.dead, { where: { state: "dead" } }),
      engine.count(names.inbox),
    ]);
    if (all === 0) return { outbox, parked: 0, timers: 0, dead, inbox };
    const [untried, asleep, ready] = await Promise.all([
      engine.count(names.parked, { where: fresh }),
      engine.count(names.parked, { where: { ...fresh, nextAt: null } }),
      engine.count(names.parked, { where: fresh, atMost: { field: "nextAt", value: now } }),
    ]);
    // Counted one after the other, while others write.
    const timers = Math.max(0, untried - asleep - ready);
    return { outbox, parked: Math.max(0, all - timers), timers, dead, inbox };
  }

  sweep = (now: number, { drop = true }: SweepOptions = {}) =>
    sweep(this.#parts, {
      drop,
      collections: collectionNames(this.#parts),
      deadLetters: this.#deadLetters,
      now,
      to: this.#sweptTo,
    });
  close = () => this.#parts.engine.close();

  /** For what may make parked messages due. */
  async #freeing(work: Promise<boolean>): Promise<boolean> {
    const done = await work;
    if (done) this.#parts.ring("parked");
    return done;
  }
}

const readOnly = (label: string): Opener => ({
  open: (collection) =>
    Promise.reject(
      new Error(
        `${label} opened a document of ${collection} where the store is read-only: change it in "run" of a unit.`,
      ),
    ),
});
