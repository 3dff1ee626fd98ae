import type { Kysely, Selectable } from "kysely";
import { prepared, type Database, type Table } from "../sql/index.ts";
import type { AnyEvent } from "./event.ts";
import type { Folded } from "./fold.ts";
import type { StreamType } from "./stream.ts";
import type { StreamDb } from "./tables.ts";

/** Values of a row by their columns. */
export type Values = Readonly<Record<string, unknown>>;
/** A database of which only the names are known. */
export type Rows = Kysely<Record<string, Record<string, unknown>>>;

/** Rows that tell of one stream each; made by `projection`. */
export interface Projection<Event extends AnyEvent, State, Name extends string = string> {
  readonly kind: "projection";
  /** Of the table, and of the projection. */
  readonly name: Name;
  /** The column that holds the stream's id. */
  readonly key: string;
  readonly columns: readonly string[];
  readonly type: StreamType<Event, State>;
  row(stream: string, at: Folded<State>): Values;
  /** Never puts an older version over a newer one. */
  write(db: StreamDb, stream: string, at: Folded<State>): Promise<void>;
}

type RowOf<Columns extends Table["columns"]> = Omit<
  Selectable<Database<{ readonly rows: Table<Columns> }>["rows"]>,
  "streamVersion"
>;

/**
 * A table that is derived from streams: `row` gives every column of a stream's row, null where there is nothing, but for `streamVersion`, which the kit
 * fills in. The table has one column as its primary key, which holds the id of the stream, and `...projected`.
 */
export function projection<
  const Name extends string,
  const Columns extends Table["columns"],
  Event extends AnyEvent,
  State,
>(
  type: StreamType<Event, State>,
  {
    into: name,
    table,
    row,
  }: {
    /** The name of the table among those of the service. */
    readonly into: Name;
    readonly table: Table<Columns>;
    readonly row: (stream: string, state: State) => RowOf<Columns>;
  },
): Projection<Event, State, Name> {
  const columns = Object.keys(table.columns);
  const [key, ...more] = table.primaryKey;
  if (key === undefined || more.length > 0 || !columns.includes("streamVersion"))
    throw new Error(
      `The table ${name} needs one column as its primary key, and \`...projected\`, to hold a projection.`,
    );
  const into: string = name;
  const upsert = prepared((db: Rows, given: Values) =>
    db
      .insertInto(into)
      .values(Object.fromEntries(columns.map((column) => [column, given[column]])))
      .onConflict((conflict) =>
        conflict
          .column(key)
          .doUpdateSet((set) => Object.fromEntries(columns.map((column) => [column, set.ref(`excluded.${column}`)])))
          .whereRef(`${into}.streamVersion`, "<=", "excluded.streamVersion"),
      ),
  );
  const rowOf = (stream: string, { state, version }: Folded<State>): Values => {
    const values: Values = { ...row(stream, state), streamVersion: version };
    if (values[key] !== stream) throw new Error(`A row of ${name} must have the id of its stream as its ${key}.`);
    return values;
  };
  return {
    kind: "projection",
    name,
    key,
    columns,
    type,
    row: rowOf,
    async write(db, stream, at) {
      // Proof: `streams` takes projections into tables of this database only.
      await upsert(db as unknown as Rows, rowOf(stream, at));
    },
  };
}
