import type {
  BodyOf,
  CallerOf,
  Endpoint,
  EventContract,
  EventData,
  HeadersOf,
  JobContract,
  JobData,
  ParamsOf,
  QueryOf,
  Replied,
  ReplyOf,
  ReplyTo,
} from "../contract/index.ts";
import type { Logger } from "../telemetry/index.ts";

/** Given to every handler, in both steps. */
export interface Always {
  /** Time of the runtime's clock. What both steps must agree on is passed in `prepared`. */
  now(): Date;
  /**
   * A new id that nobody can guess. The same in every repetition in the steps of a message, and in `prepare` of a request with an Idempotency-Key, once an `effect`
   * or a `call` has let something out; otherwise a UUIDv7.
   */
  newId(): string;
  /** A number in [0, 1) from the runtime. */
  random(): number;
  /** Aborted at the deadline, or when the service shuts down. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** `prepare`: outside the transaction. May call and act on the world; may be repeated; a write through the scope fails loudly. */
export interface Outside extends Always {
  /**
   * The typed client of any endpoint. Returns declared replies, throws `kit/call-failed` and its kin for all else. Where the endpoint takes an Idempotency-Key and
   * the request names none, one is derived from what is asked: the same in every repetition.
   */
  call<E extends Endpoint>(endpoint: E, request: CallRequest<E>): Promise<ReplyOf<E>>;
  /**
   * Asks the world with a key that is the same in every repetition of this message, or of this request under its Idempotency-Key, within 24 hours. A request without
   * a key has a new one each time.
   */
  effect<T>(name: string, act: (idempotencyKey: string) => Promise<T>): Promise<T>;
}

/** Takes an act of `prepare` back; may be repeated. `call` has a deadline of its own, 5 s for all that a request takes back. */
export type Undo = (given: Pick<Outside, "call">) => Promise<void>;

/** `prepare` of a route, beside what every `prepare` is given. */
export interface Undoing {
  /**
   * Registers what takes back an act of this `prepare`; register it before the act. It runs when the request fails after that, in `prepare` or in `run`, also at its
   * deadline; the last one first, and before the reply where there is still time for one. What fails is tried again after the reply, for about 30 s. It does not run after a
   * commit, nor where the outcome of the commit is unknown. Best effort: a process that stops gives up, so whoever was asked needs a timer as well. Consumers and jobs
   * have none: they are repeated.
   */
  undo(act: Undo): void;
}

/** `run`: inside the transaction. May write and publish; awaits only the store. */
export interface Inside extends Always {
  /** Commits with the unit or not at all. Throws before the first write of the unit: that write is what orders the key. */
  publish<E extends EventContract>(event: E, data: EventData<E>): void;
  /** A job of this service, worked off after the commit, when it is due: by any instance, after a crash too. Jobs wait for nobody and come in any order. */
  enqueue<J extends JobContract>(job: J, data: JobData<J>, when?: When): void;
}

/** @default at once */
export type When = { readonly at: Date } | { readonly afterMs: number };

type Given<Name extends string, T> = [T] extends [undefined] ? unknown : { readonly [K in Name]: T };

export type Request<E extends Endpoint> = Given<"body", BodyOf<E>> &
  Given<"query", QueryOf<E>> &
  Given<"headers", HeadersOf<E>> & { readonly params: ParamsOf<E>; readonly caller: CallerOf<E> };

type WithParams<E extends Endpoint> = [keyof ParamsOf<E>] extends [never] ? unknown : { readonly params: ParamsOf<E> };

type Names<T> = T extends object ? keyof T & string : never;
type FieldsOf<E extends Endpoint> = Names<BodyOf<E>> | Names<QueryOf<E>> | Names<HeadersOf<E>> | Names<ParamsOf<E>>;

/** What a client says: the parts that the contract has, and an Idempotency-Key of its own where it wants one. */
export type CallRequest<E extends Endpoint> = Given<"body", BodyOf<E>> &
  Given<"query", QueryOf<E>> &
  Given<"headers", HeadersOf<E>> &
  WithParams<E> & {
    readonly idempotencyKey?: string;
    /**
     * Fields that are passed on as the client sent them, under the same names. Where the callee refuses these and no others with `kit/invalid-request`, that
     * is the client's mistake, and `call` throws it as it is. Everything else that a callee refuses is `kit/call-failed`. @default none
     */
    readonly fromClient?: readonly FieldsOf<E>[];
  };

export interface Message<E extends EventContract> {
  readonly data: EventData<E>;
  readonly message: MessageInfo;
}
export interface JobMessage<J extends JobContract> {
  readonly data: JobData<J>;
  readonly message: MessageInfo;
}
export interface MessageInfo {
  readonly id: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly source: string;
  readonly key: string;
  readonly time: string;
  readonly correlationId: string;
}
export interface Answer<E extends Endpoint> {
  readonly reply: ReplyTo<E>;
}

/** Names that every handler is given, now or later; a scope and resources cannot take them. */
export const reservedNames = [
  "body",
  "params",
  "query",
  "headers",
  "data",
  "message",
  "prepared",
  "failure",
  "caller",
  "reply",
  "publish",
  "enqueue",
  "call",
  "effect",
  "undo",
  "now",
  "newId",
  "random",
  "signal",
  "log",
  "kit",
] as const;
type Reserved = (typeof reservedNames)[number];
export type NoClash<T> = {
  [K in keyof T]: K extends Reserved ? `'${K & string}' is given to every handler already` : T[K];
};

/** All that a `run` and a `prepare` may take, by name. */
export type RouteGiven<E extends Endpoint, Scope> = Request<E> & Answer<E> & Inside & Scope;
export type RoutePrepareGiven<E extends Endpoint, Scope, Resources> = Request<E> &
  Outside &
  Undoing &
  Resources &
  Scope;
export type MessageGiven<E extends EventContract, Scope> = Message<E> & Inside & Scope;
export type MessagePrepareGiven<E extends EventContract, Scope, Resources> = Message<E> & Outside & Resources & Scope;

export type JobGiven<J extends JobContract, Scope> = JobMessage<J> & Inside & Scope;
export type JobPrepareGiven<J extends JobContract, Scope, Resources> = JobMessage<J> & Outside & Resources & Scope;

/** What a message or job failed with, when nothing more is tried. */
export interface Failed {
  readonly failure: {
    /** A problem's code; `kit/handler-failed` for anything else. */
    readonly code: string;
    /** For people: name and message of the error. */
    readonly reason: string;
    readonly attempts: number;
  };
}
/**
 * `exhausted`: one unit in the very transaction in which the dead letter would have been written, and in its place. When its attempts are used up, or an
 * error says that none will help, a message whose `exhausted` commits counts as handled and leaves no letter; what throws here makes the letter after
 * all, which tells of both failures. Messages that cannot be decoded do not come here. A consumer that has one is worked on like one with `prepare`: its
 * messages are parked at once, and nothing of them is handled in the batch that took them in.
 */
type Exhausted<Given> = (given: Given & Failed) => Promise<void>;

/** What `prepare` gave. */
export interface Prepared<P> {
  readonly prepared: P;
}

export type RunRoute<E extends Endpoint, Scope> = (given: RouteGiven<E, Scope>) => Promise<Replied<E>>;
export interface RouteSteps<E extends Endpoint, Scope, Resources, P, More = unknown> {
  readonly prepare?: (given: RoutePrepareGiven<E, Scope, Resources>) => Promise<P>;
  readonly run: (given: RouteGiven<E, Scope> & More & Prepared<P>) => Promise<Replied<E>>;
}
export type RunMessage<E extends EventContract, Scope> = (given: MessageGiven<E, Scope>) => Promise<void>;
export interface MessageSteps<E extends EventContract, Scope, Resources, P, More = unknown> {
  readonly prepare?: (given: MessagePrepareGiven<E, Scope, Resources>) => Promise<P>;
  readonly run: (given: MessageGiven<E, Scope> & More & Prepared<P>) => Promise<void>;
  readonly exhausted?: Exhausted<MessageGiven<E, Scope> & More>;
}
export type RunJob<J extends JobContract, Scope> = (given: JobGiven<J, Scope>) => Promise<void>;
export interface JobSteps<J extends JobContract, Scope, Resources, P, More = unknown> {
  readonly prepare?: (given: JobPrepareGiven<J, Scope, Resources>) => Promise<P>;
  readonly run: (given: JobGiven<J, Scope> & More & Prepared<P>) => Promise<void>;
  readonly exhausted?: Exhausted<JobGiven<J, Scope> & More>;
}
