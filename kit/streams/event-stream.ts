import { Conflict } from "../sql/index.ts";
import type { AnyEvent } from "./event.ts";
import type { Folded } from "./fold.ts";
import type { Projection } from "./projection.ts";
import { writeSnapshot } from "./snapshots.ts";
import { addEvent } from "./statements.ts";
import type { StreamType } from "./stream.ts";
import type { StreamDb } from "./tables.ts";

/** What the streams of one unit have in common. */
export interface InUnit<Event extends AnyEvent, State> {
  readonly db: StreamDb;
  readonly type: StreamType<Event, State>;
  readonly projections: readonly Projection<Event, State>[];
  readonly now: () => Date;
  readonly correlationId: string;
  readonly causationId: string;
  /** How far this unit itself has brought a stream. */
  readonly heads: Map<string, number>;
}

/** One stream as a unit has read it. */
export class EventStream<Event extends AnyEvent, State> {
  readonly id: string;
  readonly #in: InUnit<Event, State>;
  #at: Folded<State>;

  constructor(inUnit: InUnit<Event, State>, id: string, at: Folded<State>) {
    this.#in = inUnit;
    this.id = id;
    this.#at = at;
  }

  get state(): State {
    return this.#at.state;
  }
  /** How many events there are: 0 where the stream has not begun. */
  get version(): number {
    return this.#at.version;
  }

  /**
   * Puts events on record, in this unit of work; `state` and `version` are those after them. Where another unit has appended since this one read the
   * stream, this one is undone and runs again, as after any conflict of the store. Throws where data does not fit its schema.
   */
  async append(...events: readonly Event[]): Promise<void> {
    const { db, type, heads, projections, correlationId, causationId } = this.#in;
    const before = this.version;
    if ((heads.get(this.id) ?? before) !== before)
      throw new Error(
        `The ${type.name} ${this.id} has gone on in this unit since it was loaded: await each append, and go on with the stream that did it.`,
      );
    const at = this.#in.now().getTime();
    let { state, version } = this.#at;
    // All of it is checked before any of it is written.
    const rows = events.map((event) => {
      const written = { event: event.type, ...type.write(event) };
      version += 1;
      // What is read later is what is decided on now.
      state = type.evolve(state, type.read(this.id, { ...written, version, at }));
      const misfit = type.misfit(state);
      if (misfit !== undefined)
        throw new Error(`After "${event.type}" the state of a ${type.name} does not fit its schema: ${misfit}.`);
      return { ...written, streamType: type.name, stream: this.id, version, at, correlationId, causationId };
    });
    heads.set(this.id, version);
    for (const row of rows) {
      const { changes } = await addEvent(db, row);
      if (changes === 0) throw new Conflict(`The ${type.name} ${this.id} has gone on since it was loaded.`);
    }
    if (version === before) return;
    this.#at = { state, version };
    const { every } = type.snapshot ?? { every: Number.POSITIVE_INFINITY };
    if (Math.floor(version / every) > Math.floor(before / every)) await writeSnapshot(db, type, this.id, this.#at);
    for (const projection of projections) await projection.write(db, this.id, this.#at);
  }
}
