import type { Kysely } from "kysely";
import type { Database } from "../sql/index.ts";
import type { AnyEvent } from "./event.ts";
import { EventStream, type InUnit } from "./event-stream.ts";
import { fold } from "./fold.ts";
import { historyOf } from "./history.ts";
import { streamProblems } from "./problems.ts";
import type { Projection } from "./projection.ts";
import { Rebuild } from "./rebuild.ts";
import type { StreamType } from "./stream.ts";
import type { StreamDb, streamTables } from "./tables.ts";

/** What a scope is given of it, and the projections that follow. */
export interface StreamsGiven<DB, Event extends AnyEvent, State> {
  readonly db: Kysely<DB>;
  readonly correlationId: string;
  readonly causationId: string;
  now(): Date;
  /** Written with each append. @default none */
  readonly projections?: readonly Projection<Event, State, keyof DB & string>[];
}

/** The streams of one kind, in one unit of work: built in a service's `scope`, of what that is given. */
export function streams<Event extends AnyEvent, State, DB extends Database<typeof streamTables>>(
  type: StreamType<Event, State>,
  { db, now, correlationId, causationId, projections = [] }: StreamsGiven<DB, Event, State>,
): Streams<Event, State> {
  // Proof: the tables of streams are among those of this database.
  const own = db as unknown as StreamDb;
  return new Streams({ db: own, type, projections, now, correlationId, causationId, heads: new Map() });
}

export class Streams<Event extends AnyEvent, State> {
  readonly #in: InUnit<Event, State>;

  constructor(inUnit: InUnit<Event, State>) {
    this.#in = inUnit;
  }

  /**
   * A stream as it is, also one that has not begun. `at` is the version that the caller takes it to be at: at another, `kit/stream-moved` is thrown.
   * Throws `kit/stream-newer` where an event is none that this code knows, `kit/stream-unreadable` where one is damaged.
   */
  async load(id: string, { at }: { readonly at?: number | undefined } = {}): Promise<EventStream<Event, State>> {
    const { db, type } = this.#in;
    if (id === "") throw new Error(`A ${type.name} needs an id.`);
    const end = await fold(db, type, id);
    if (at !== undefined && at !== end.version)
      throw streamProblems.moved({ streamType: type.name, stream: id, version: end.version, demanded: at });
    return new EventStream(this.#in, id, end);
  }

  /** A page of a stream's events as they were written, oldest first; `StreamEvent` is the schema of one. */
  history(id: string, page: { readonly cursor?: string; readonly limit?: number } = {}) {
    return historyOf(this.#in.db, { streamType: this.#in.type.name, stream: id }, page);
  }

  /** Of one of the projections of these streams. */
  rebuild(projection: Projection<Event, State>): Rebuild<Event, State> {
    if (!this.#in.projections.includes(projection))
      throw new Error(`${projection.name} is not among the projections of these streams: appends would not keep it.`);
    return new Rebuild(this.#in.db, projection, this.#in.now);
  }
}
