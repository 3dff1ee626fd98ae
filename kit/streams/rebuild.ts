import type { Selectable } from "kysely";
import { isProblem, t, type Value } from "../contract/index.ts";
import type { Database } from "../sql/index.ts";
import type { AnyEvent } from "./event.ts";
import { foldOn } from "./fold.ts";
import { streamProblems } from "./problems.ts";
import type { Projection, Rows, Values } from "./projection.ts";
import { readSnapshot } from "./snapshots.ts";
import type { StreamDb, streamTables } from "./tables.ts";

/** A step takes so many streams at the most, or about so many events: what else the service does waits no longer than that. */
const atMost = { streams: 100, events: 2_000 } as const;

/** How far the last rebuild of a projection is, and what it found. */
export const RebuildReport = t.Object({
  projection: t.String(),
  run: t.String(),
  state: t.Union([t.Literal("running"), t.Literal("done")]),
  seen: t.Integer({ description: "Streams looked at" }),
  differed: t.Integer({ description: "Rows that were not as their streams say, and were mended" }),
  snapshotsDropped: t.Integer({ description: "Snapshots that were not as their events say" }),
  unreadable: t.Integer({
    description: "Streams with an event that this code cannot read: their rows were left as they are",
  }),
  firstUnreadable: t.Optional(t.String({ description: "The first of them, by its id" })),
  startedAt: t.String({ format: "date-time" }),
  endedAt: t.Optional(t.String({ format: "date-time" })),
});
export interface RebuildReport extends Value<typeof RebuildReport> {}

/**
 * Derives a projection anew from the events of every stream, row by row, while it is read and written: a check and a repair in one. Work it off step by
 * step, a unit each, by a job that enqueues itself until it is done.
 */
export class Rebuild<Event extends AnyEvent, State> {
  readonly #db: StreamDb;
  readonly #of: Projection<Event, State>;
  readonly #now: () => Date;

  constructor(db: StreamDb, of: Projection<Event, State>, now: () => Date) {
    this.#db = db;
    this.#of = of;
    this.#now = now;
  }

  /** Begins at the first stream. A run that is not done ends with its next step. */
  async begin(run: string): Promise<RebuildReport> {
    const anew = {
      run,
      reached: "",
      seen: 0,
      differed: 0,
      snapshotsDropped: 0,
      unreadable: 0,
      firstUnreadable: null,
      startedAt: this.#time(),
      endedAt: null,
    };
    const row = await this.#db
      .insertInto("streamRebuilds")
      .values({ projection: this.#of.name, ...anew })
      .onConflict((conflict) => conflict.column("projection").doUpdateSet(anew))
      .returningAll()
      .executeTakeFirstOrThrow();
    return reportOf(row);
  }

  /** Undefined where there was none. */
  async report(): Promise<RebuildReport | undefined> {
    const row = await this.#db
      .selectFrom("streamRebuilds")
      .selectAll()
      .where("projection", "=", this.#of.name)
      .executeTakeFirst();
    return row === undefined ? undefined : reportOf(row);
  }

  /** Looks at the next streams. Done where none is left, and where another run has begun. */
  async step(run: string): Promise<"on" | "done"> {
    const { name } = this.#of;
    const rebuilds = this.#db.selectFrom("streamRebuilds").selectAll().where("projection", "=", name);
    const last = await rebuilds.forUpdate().executeTakeFirst();
    if (last?.run !== run || last.endedAt !== null) return "done";
    const to = await this.#next(last.reached);
    const found = await this.#mend(last.reached, to);
    await this.#db
      .updateTable("streamRebuilds")
      .set({
        reached: to ?? last.reached,
        seen: last.seen + found.seen,
        differed: last.differed + found.differed,
        snapshotsDropped: last.snapshotsDropped + found.snapshotsDropped,
        unreadable: last.unreadable + found.unreadable.length,
        firstUnreadable: last.firstUnreadable ?? found.unreadable[0] ?? null,
        endedAt: to === undefined ? this.#time() : null,
      })
      .where("projection", "=", name)
      .execute();
    return to === undefined ? "done" : "on";
  }

  /** The stream up to which a step goes; undefined where it takes all that are left. */
  async #next(after: string): Promise<string | undefined> {
    const streams = await this.#db
      .selectFrom("streamEvents")
      .select((all) => ["stream", all.fn.max("version").as("version")])
      .where("streamType", "=", this.#of.type.name)
      .where("stream", ">", after)
      .groupBy("stream")
      .orderBy("stream")
      .limit(atMost.streams)
      .execute();
    let events = 0;
    for (const { stream, version } of streams) {
      events += version;
      if (events >= atMost.events) return stream;
    }
    return streams.length < atMost.streams ? undefined : streams.at(-1)?.stream;
  }

  /** Rows are locked before events are read, so that a row is as its stream unless something is wrong. */
  async #mend(after: string, to: string | undefined) {
    const { name, key, type } = this.#of;
    const db = this.#db as unknown as Rows; // Proof: as in `projection`.
    let rows = db.selectFrom(name).selectAll().where(key, ">", after).orderBy(key);
    if (to !== undefined) rows = rows.where(key, "<=", to);
    const served = new Map<string, Values>();
    for (const row of await rows.forUpdate().execute()) served.set(String(row[key]), row);
    let streams = this.#db.selectFrom("streamEvents").select("stream").distinct().where("streamType", "=", type.name);
    streams = streams.where("stream", ">", after).orderBy("stream");
    if (to !== undefined) streams = streams.where("stream", "<=", to);
    let [differed, snapshotsDropped] = [0, 0];
    const unreadable: string[] = [];
    const ids = (await streams.execute()).map(({ stream }) => stream);
    for (const stream of ids) {
      const derived = await this.#derive(stream);
      if (derived === undefined) {
        unreadable.push(stream);
        served.delete(stream);
        continue;
      }
      const { row, snapshotIsWrong } = derived;
      if (snapshotIsWrong) {
        await this.#dropSnapshot(stream);
        snapshotsDropped += 1;
      }
      if (await this.#put(db, row, served.get(stream))) differed += 1;
      served.delete(stream);
    }
    // What is left tells of streams that are not there.
    for (const id of served.keys()) await db.deleteFrom(name).where(key, "=", id).execute();
    return { seen: ids.length, differed: differed + served.size, snapshotsDropped, unreadable };
  }

  /** What events alone say; undefined where they cannot be read, which holds up no other stream. */
  async #derive(stream: string) {
    const { type } = this.#of;
    const snapshot = await readSnapshot(this.#db, type, stream);
    let snapshotIsWrong = snapshot !== undefined;
    try {
      const end = await foldOn(this.#db, type, stream, undefined, ({ version, state }) => {
        if (version === snapshot?.version) snapshotIsWrong = !same(state, snapshot.state);
      });
      return { row: this.#of.row(stream, end), snapshotIsWrong };
    } catch (error) {
      const { newer, unreadable } = streamProblems;
      if (isProblem(error, unreadable.code) || isProblem(error, newer.code)) return undefined;
      throw error;
    }
  }

  /** Whether something was wrong. A row that is missing may have come meanwhile, and then is right. */
  async #put(db: Rows, row: Values, served: Values | undefined): Promise<boolean> {
    const { name, key, columns } = this.#of;
    if (served === undefined) {
      const added = db.insertInto(name).values({ ...row });
      const [{ numInsertedOrUpdatedRows = 0n } = {}] = await added.onConflict((all) => all.doNothing()).execute();
      return numInsertedOrUpdatedRows > 0n;
    }
    if (columns.every((column) => same(row[column], served[column]))) return false;
    await db
      .updateTable(name)
      .set({ ...row })
      .where(key, "=", row[key])
      .execute();
    return true;
  }

  #dropSnapshot(stream: string) {
    const snapshots = this.#db.deleteFrom("streamSnapshots").where("streamType", "=", this.#of.type.name);
    return snapshots.where("stream", "=", stream).execute();
  }

  #time = (): number => this.#now().getTime();
}

type Row = Selectable<Database<typeof streamTables>["streamRebuilds"]>;
const reportOf = ({ startedAt, endedAt, firstUnreadable, ...row }: Row): RebuildReport => ({
  projection: row.projection,
  run: row.run,
  seen: row.seen,
  differed: row.differed,
  snapshotsDropped: row.snapshotsDropped,
  unreadable: row.unreadable,
  ...(firstUnreadable === null ? {} : { firstUnreadable }),
  state: endedAt === null ? "running" : "done",
  startedAt: new Date(startedAt).toISOString(),
  ...(endedAt === null ? {} : { endedAt: new Date(endedAt).toISOString() }),
});

const same = (a: unknown, b: unknown): boolean => a === b || text(a) === text(b);
const text = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString("hex") : JSON.stringify(value);
