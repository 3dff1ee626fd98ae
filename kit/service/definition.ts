import type { Caller, Endpoint, EventContract, EventData, JobContract, JobData, Replied } from "../contract/index.ts";
import type { DocumentBy } from "./document.ts";
import type { KnownStore, RetryPolicy, Store } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger, Metrics } from "../telemetry/index.ts";

/** Where a store lives; chosen when the process starts, not in code. */
export interface StorePlace {
  /** Name of the owning service: file name or schema. */
  readonly name: string;
  /** `sqlite:<folder>`, `postgres://…` or `mongodb://…`, by the kind of store. */
  readonly url: string;
  /** `none` gives up durability for speed: tests only. */
  readonly durability: "full" | "none";
  /** What the data folder remembers of the store: another one, or none, is refused. @default nothing is remembered */
  readonly known?: KnownStore;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** @default nothing is counted */
  readonly metrics?: Metrics | undefined;
  /** Called when the store cannot be trusted to be on disk any more: the process must end. */
  readonly onFatal: (error: unknown) => void;
}

/** What a service declares as its store: `sql({ tables, migrations })`. */
export interface StoreSpec<Access> {
  readonly engine: "sql" | "documents";
  /** Kinds of documents that a handler may name. */
  readonly collections: readonly string[];
  /** What is wrong with the declaration itself, as sentences. */
  faults(): readonly string[];
  /** Opens or creates the store and applies pending migrations. */
  open(place: StorePlace): Promise<Store<Access>>;
}

/** A handler as the kit holds it; `Given` is what it takes, so that a test can call `run` with just that. */
export interface Route<E extends Endpoint = Endpoint, Given = never, Outside = never> {
  readonly kind: "route";
  /** The `service(…)` it was made by. */
  readonly by: object;
  readonly endpoint: E;
  readonly document: DocumentBy<never, unknown> | undefined;
  readonly prepare: ((given: Outside) => Promise<unknown>) | undefined;
  readonly run: (given: Given) => Promise<Replied<E>>;
}

export interface ConsumerOptions<E extends EventContract> {
  /** What happens to later messages of a key after a dead letter. @default "continue" */
  readonly afterDeadLetter?: "continue" | "hold";
  readonly retry?: Partial<RetryPolicy>;
  /** Keys of its own that a message may have used; its dead letter lists them, with those that `effect` handed out in the last attempt. */
  readonly effectKeys?: (data: EventData<E>) => readonly string[];
}

export interface Consumer<E extends EventContract = EventContract, Given = never, Outside = never, Last = never> {
  readonly kind: "consumer";
  readonly by: object;
  readonly event: E;
  readonly options: ConsumerOptions<never>;
  readonly document: DocumentBy<never, unknown> | undefined;
  readonly prepare: ((given: Outside) => Promise<unknown>) | undefined;
  readonly run: (given: Given) => Promise<void>;
  readonly exhausted: ((given: Last) => Promise<void>) | undefined;
}

export interface JobOptions<J extends JobContract> {
  readonly retry?: Partial<RetryPolicy>;
  /** Keys of its own that a job may have used; its dead letter lists them, with those that `effect` handed out in the last attempt. */
  readonly effectKeys?: (data: JobData<J>) => readonly string[];
  /**
   * Five fields of cron, in UTC: the job comes once at each tick, however many instances there are; ticks that nobody was there for come as one.
   * Its data is `{ tick }`, an RFC 3339 time.
   */
  readonly schedule?: string;
}

/** The handler of a job. */
export interface JobHandler<J extends JobContract = JobContract, Given = never, Outside = never, Last = never> {
  readonly kind: "job";
  readonly by: object;
  readonly job: J;
  readonly options: JobOptions<never>;
  readonly document: DocumentBy<never, unknown> | undefined;
  readonly prepare: ((given: Outside) => Promise<unknown>) | undefined;
  readonly run: (given: Given) => Promise<void>;
  readonly exhausted: ((given: Last) => Promise<void>) | undefined;
}

/** What `around` sees of a unit: who asks, which handler, and the log. Never the store. */
export interface AroundGiven {
  readonly handler: string;
  readonly caller: Caller | undefined;
  readonly log: Logger;
  now(): Date;
}

/** What resources are built from. */
export interface ResourcesGiven<Config> {
  readonly config: Config;
  /** The folder in which the process keeps its files. */
  readonly data: string;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Aborted when the service stops. */
  readonly signal: AbortSignal;
}

export type ScopeGiven<Access, Config> = Access & {
  readonly caller: Caller | undefined;
  readonly config: Config;
  /** The same for everything that one request set in motion. */
  readonly correlationId: string;
  /** Id of the request or message that this unit handles. */
  readonly causationId: string;
  now(): Date;
};
