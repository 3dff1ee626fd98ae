import type { Failure } from "./burial.ts";
import type { Envelope } from "./envelope.ts";
import type { Derivation } from "../runtime/index.ts";

/** What a unit of work lets its handler do beside the store itself. */
export interface Unit<Access> {
  readonly access: Access;
  /**
   * Buffers a message for the outbox; it is inserted at the end of the unit. Throws before the first write of the unit
   * (the write is what orders the key) and after the unit has ended.
   */
  publish(message: Outgoing): void;
  /** Buffers a job, which waits among the parked messages until it is due; it counts as a write. Throws after the unit has ended. */
  enqueue(job: OutgoingJob): void;
}

/** A message before the store gives it id and time. */
export type Outgoing = Omit<Envelope, "id" | "time">;

/** A message of a service to itself. Its key is its own id: jobs wait for nobody. */
export interface OutgoingJob extends Omit<Outgoing, "key"> {
  /** `billing/charge`: the name under which it waits, as a subscription's messages do. */
  readonly subscription: string;
  /** On the clock of the runtime; undefined: at once. */
  readonly dueAt: number | undefined;
}

/** A parked row that waits for its time. */
export interface Waiting {
  readonly subscription: string;
  /** A job that was never tried: its time is whatever it was enqueued for. Any other row waits for its next attempt. */
  readonly timer: boolean;
  readonly nextAt: number;
  /** When it was written, as its envelope says it (RFC 3339). */
  readonly time: string;
  readonly headers: Envelope["headers"];
}

/** A schedule as the store keeps it: when a job comes next. */
export interface Schedule {
  /** The subscription of its job. */
  readonly name: string;
  /** As it was written down; one that differs from the store's starts the schedule anew. */
  readonly pattern: string;
}

/** An Idempotency-Key of a request: its scope (digest of principal, route and key), and the fingerprint of path, query and body. */
export interface KeyClaim {
  readonly scope: string;
  readonly fingerprint: string;
}

/** What a store holds under an Idempotency-Key, for the request that asks. What is older than the retention of keys counts as nothing. */
export type KeyState =
  | { readonly kind: "free" }
  /**
   * An attempt of this request may have acted on the outside, and no reply is stored: ids and keys of effects follow from `nonce`. After a refusal the key is
   * reserved again before anything follows from it: until then another request may take it.
   */
  | { readonly kind: "reserved"; readonly nonce: string; readonly refused: boolean }
  | { readonly kind: "replied"; readonly reply: StoredReply };

export interface StoredReply {
  readonly status: number;
  /** JSON text; undefined where the reply has no body. */
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface UnitOfWork<Access, T> {
  /** Names the handler in reports: `PlaceOrder`. */
  readonly label: string;
  /** On the monotonic clock. A unit that has not begun by then is refused with `kit/overloaded`. */
  readonly deadline: number;
  readonly key?: KeyClaim;
  /** What is stored under the key; called inside the group, before its commit. Required with `key`. */
  readonly encode?: (value: T) => StoredReply;
  /** May be called again where the engine asks for it: it has no effects but through `unit`. */
  readonly work: (unit: Unit<Access>) => Promise<T>;
}

export type Settled<T> =
  | { readonly kind: "committed"; readonly value: T }
  /** The key had been used before, by a request with the same fingerprint: `work` counts for nothing. */
  | { readonly kind: "replayed"; readonly reply: StoredReply };

/** What becomes of a message whose handler failed. */
export type Verdict =
  | { readonly kind: "park"; readonly nextAt: number }
  | { readonly kind: "dead" }
  | { readonly kind: "discard" }
  /** Not the message's fault: nothing of the batch commits, the consumer pauses. */
  | { readonly kind: "pause" };

export interface Incoming {
  readonly envelope: Envelope;
  /** Set where the message may not reach a handler: undecodable, unknown major version, invalid data. It is dead at once. */
  readonly dead?: { readonly code: string; readonly detail: string };
}

export interface Batch<Access> {
  /** `orders/customer.created`: consumer name of inbox and parking. */
  readonly subscription: string;
  readonly messages: readonly Incoming[];
  /** True for subscriptions with `prepare` or `exhausted`: everything new that may reach a handler is parked at once and left to the workers. */
  readonly intakeOnly: boolean;
  /** `hold`: after a dead letter the key stays parked until redrive or discard. */
  readonly afterDeadLetter: "continue" | "hold";
  readonly handle: (envelope: Envelope, attempt: number, unit: Unit<Access>) => Promise<void>;
  readonly judge: (error: unknown, attempt: number) => Verdict;
}

export interface BatchResult {
  readonly handled: number;
  readonly duplicates: number;
  readonly parked: number;
  readonly dead: number;
  readonly discarded: number;
}

/** What is done in place of a dead letter. */
export interface Exhausted<Access> {
  readonly run: (envelope: Envelope, failure: Failure, unit: Unit<Access>) => Promise<void>;
  /** Whether its own failure is not the message's fault: then nothing is committed, and both are tried again. */
  readonly pauses: (error: unknown) => boolean;
}

/** The lowest row of a parked key whose time has come. */
export interface Parked {
  readonly id: number | string;
  readonly subscription: string;
  readonly envelope: Envelope;
  /** Attempts already made. */
  readonly attempts: number;
  /** 0, or the number of the redrive. */
  readonly redrive: number;
}

export interface DeadLetter {
  readonly id: string;
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly attempts: number;
  readonly redrive: number;
  readonly code: string;
  readonly error: string;
  /** Keys of effects that the message may have used: what a person must check before discarding. */
  readonly effectKeys: readonly string[];
  readonly state: "dead" | "redriven" | "handled" | "discarded";
  readonly diedAt: number;
  readonly holdsKey: boolean;
}

export interface AuditEntry {
  readonly deadLetter: string;
  readonly action: "died" | "redriven" | "handled" | "discarded";
  readonly actor: string;
  readonly note: string | undefined;
  readonly at: number;
}

export interface SweepOptions {
  /** False while the clock is not to be believed: then nothing is dropped. @default true */
  readonly drop?: boolean;
}

export interface OutboxRow {
  readonly seq: number;
  readonly envelope: Envelope;
}

/** A lease with a fencing epoch; `expires` on the clock that all holders share. */
export interface Lease {
  readonly name: string;
  readonly epoch: number;
}

/** Exact where fewer than 1,000 wait; beyond that there may be more, or it is an estimate. */
export interface Backlog {
  readonly outbox: number;
  /** When the oldest message of the outbox was written, in milliseconds since the epoch; undefined where there is none. */
  readonly outboxSince: number | undefined;
  /** Without jobs that are not due yet. */
  readonly parked: number;
  /** Jobs that are not due yet; undefined where they cannot be told from the many that are. */
  readonly timers: number | undefined;
  readonly dead: number;
}

/**
 * A service's store, opened: the port that SQL engines (and later document engines) implement. All that commits goes through it.
 * What rejects: the error of `work` itself (rolled back), or a kit problem: `kit/overloaded`, `kit/unavailable`, `kit/outcome-unknown`,
 * `kit/idempotency-key-reused`, `kit/idempotency-key-in-use`, `kit/internal` for a handler that broke the rules of a unit.
 */
export interface Store<Access> {
  /** Random, made when the store was created: tells a new store from an old one of the same name. */
  readonly id: string;
  /** Under a secret that was made with the store, and that all its instances share. */
  readonly derivation: Derivation;
  /** For `prepare`: each statement sees what is committed by then; a write fails loudly. */
  readonly outside: Access;
  /** A query: a read-only snapshot of its own; a write or a publish fails loudly. */
  query<T>(query: Pick<UnitOfWork<Access, T>, "label" | "deadline" | "work">): Promise<T>;
  unit<T>(unit: UnitOfWork<Access, T>): Promise<Settled<T>>;
  /** Throws `kit/idempotency-key-reused` where the key is reserved for, or was answered to, a request with another fingerprint. */
  lookUpKey(key: KeyClaim): Promise<KeyState>;
  /**
   * Reserves a free key under `nonce`, durably when it resolves, and gives what then holds: the nonce of an earlier attempt, or a twin's reply, where there is
   * one. A reservation ends with the stored reply or after the retention of keys. Throws as `lookUpKey` does.
   * @param deadline on the monotonic clock
   */
  reserveKey(key: KeyClaim, nonce: string, deadline: number): Promise<Exclude<KeyState, { readonly kind: "free" }>>;
  /** Marks a reservation as refused: another request may have the key, and the same one goes on with the nonce. Nothing happens where the nonce is not this one. */
  refuseKey(key: KeyClaim, nonce: string, deadline: number): Promise<void>;

  /**
   * Inbox marks, effects, parked and dead rows, outgoing messages: those of a message in one transaction, those of as many together as fit into a turn of the
   * store. Rejects where not all are taken in; what was is known when it comes again.
   */
  takeIn(batch: Batch<Access>): Promise<BatchResult>;
  /** Lowest due rows of distinct keys, jobs included, oldest first; never two of one key. @param subscription of all of them where it is left out */
  due(now: number, limit: number, subscription?: string): Promise<readonly Parked[]>;
  /** When the next parked row falls due; undefined when none waits. */
  nextDue(): Promise<number | undefined>;
  /** Sets the time of rows that wait for a later one, where `timeOf` gives another, and says of how many; a page at each call, those that wait longest first. */
  retime(timeOf: (row: Waiting) => number | undefined): Promise<number>;
  /**
   * Marks a row as being prepared by `owner` until `until`; false when it is gone, not the lowest, or claimed by another. A claim further ahead than
   * `longestClaimMs` is void.
   */
  claim(parked: Parked, owner: string, until: number): Promise<boolean>;
  /**
   * Runs a parked message as one unit: row locked, still the lowest of its key (and claimed by `owner`, where given), run, deleted, the next one woken.
   * A failure is judged and recorded in a transaction of its own; where it is the last one and `exhausted` is given, that runs in there as one unit in
   * place of the dead letter. Where that fails for a reason that is no pause, there is the dead letter after all, which tells of both failures.
   */
  retry(
    parked: Parked,
    how: Pick<Batch<Access>, "afterDeadLetter" | "handle" | "judge"> & {
      readonly owner?: string;
      readonly failed?: unknown;
      /** Asked for where there is a dead letter. */
      readonly effectKeys?: () => readonly string[];
      readonly exhausted?: Exhausted<Access>;
    },
  ): Promise<"handled" | "exhausted" | "parked" | "dead" | "discarded" | "gone">;

  /** Rows with `seq > after`, in order. */
  outbox(after: number, limit: number): Promise<readonly OutboxRow[]>;
  /** Deletes what was confirmed, under the relay's lease; joins another commit where one is due. Rejects when the epoch is stale. */
  confirm(lease: Lease, seqs: readonly number[]): Promise<void>;
  /**
   * When the schedule comes next; `first` where the store does not know it, knows it with another pattern, or for a time after `latest`, which only a clock
   * that was ahead has written. @param latest none where it is left out
   */
  nextTick(schedule: Schedule, first: number, latest?: number): Promise<number>;
  /** Enqueues the job of a tick and moves its schedule on to `next`, both or neither; false when another instance has done so. */
  tick(schedule: Schedule, tick: number, next: number, job: OutgoingJob): Promise<boolean>;

  /** Registers a callback for "something was committed to the outbox" (in process; other processes are found by polling). */
  onOutbox(wake: () => void): void;
  /** Registers a callback for "something was parked, enqueued or redriven" (in process, as above). */
  onParked(wake: () => void): void;
  /** Takes or renews a lease for `ttlMs`; undefined while another living holder has it. A new holder gets a higher epoch. */
  lease(name: string, owner: string, ttlMs: number): Promise<Lease | undefined>;
  release(lease: Lease, owner: string): Promise<void>;

  deadLetters(filter: {
    readonly state?: DeadLetter["state"];
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]>;
  deadLetter(id: string): Promise<DeadLetter | undefined>;
  audit(id: string): Promise<readonly AuditEntry[]>;
  /** Parks the message again with the next redrive number; without effect (false) unless it is dead. */
  redrive(id: string, actor: string, note: string | undefined): Promise<boolean>;
  /** False unless it is dead. */
  discard(id: string, actor: string, note: string): Promise<boolean>;
  /** How long what makes a unit durable took of late, in milliseconds, smoothed over a few; 0 before the first. */
  commitMs(): number;
  /** What waits, for metrics: counted in a bounded time, however much there is. */
  backlog(): Promise<Backlog>;
  /** Exact counts, for tests: they take their time where there is much. */
  depths(): Promise<{
    readonly outbox: number;
    /** Without jobs that are not due yet. */
    readonly parked: number;
    /** Jobs that are not due yet. */
    readonly timers: number;
    readonly dead: number;
    readonly inbox: number;
  }>;
  /**
   * Why the store cannot be used now: it cannot be reached or written, or it is not the one that was opened any more (removed, emptied, replaced).
   * In the last case it refuses every read and write with `kit/unavailable` until a later check finds it in order. Undefined where it can be used.
   */
  check(): Promise<string | undefined>;
  /**
   * Mends what crashes have left, drops what is past retention, and moves the inbox's low-water mark up to what it drops, in small steps; true while there
   * is more. What carries a time that is still to come is kept as if it were of now.
   */
  sweep(now: number, how?: SweepOptions): Promise<boolean>;
  /** Ends intake, waits for what runs, closes the connections. */
  close(): Promise<void>;
}
