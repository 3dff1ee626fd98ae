import type { ColumnType, Kysely } from "kysely";

export type Kind = "text" | "integer" | "real" | "boolean" | "json" | "blob";

/** What a column is in the database. */
export interface Shape {
  readonly kind: Kind;
  readonly nullable: boolean;
  readonly primary: boolean;
  /** Numbered by the database, never twice. */
  readonly identity: boolean;
  readonly default: string | number | undefined;
}

/** A column as a value; `Select`, `Insert` and `Update` are the types that Kysely sees. */
export interface Column<Select = unknown, Insert = Select, Update = Insert> extends Shape {
  /** Never there: carries the types. */
  readonly types?: ColumnType<Select, Insert, Update>;
  primaryKey(): Column<Select, Insert, Update>;
  optional(): Column<Select | null, Insert | null | undefined, Update | null>;
  /** For rows that are there before the column is, and for inserts that leave it out. Bytes have none. */
  defaultTo(value: Default<Select>): Column<Select, Insert | undefined, Update>;
}

type Default<Select> = Exclude<Select, null | undefined | Uint8Array>;

/** As the database keeps it: 0 or 1, and JSON as text. */
const stored = (value: unknown): string | number =>
  typeof value === "boolean"
    ? Number(value)
    : typeof value === "string" || typeof value === "number"
      ? value
      : JSON.stringify(value);

function column<S, I = S, U = I>(shape: Shape): Column<S, I, U> {
  return {
    ...shape,
    primaryKey: () => column({ ...shape, primary: true }),
    optional: () => column({ ...shape, nullable: true }),
    defaultTo: (value) => column({ ...shape, default: stored(value) }),
  };
}
const of = (kind: Kind): Shape => ({ kind, nullable: false, primary: false, identity: false, default: undefined });

export const text = <T extends string = string>(): Column<T> => column(of("text"));
/** Whole numbers up to 2^53. */
export const integer = (): Column<number> => column(of("integer"));
/** Milliseconds since the epoch. */
export const timestamp = (): Column<number> => column(of("integer"));
export const real = (): Column<number> => column(of("real"));
export const boolean = (): Column<boolean> => column(of("boolean"));
/** Objects and arrays, as JSON text. */
export const json = <T extends object>(): Column<T> => column(of("json"));
export const blob = (): Column<Uint8Array> => column(of("blob"));
/** Ascending in the order of insertion, never reused. */
export const identity = (): Column<number, never, never> => column({ ...of("integer"), primary: true, identity: true });

export interface Index {
  readonly on: readonly string[];
  readonly unique?: boolean;
}
export interface Table<Columns extends Readonly<Record<string, Shape>> = Readonly<Record<string, Shape>>> {
  readonly columns: Columns;
  readonly primaryKey: readonly string[];
  readonly indexes: readonly Index[];
}

export type Tables = Readonly<Record<string, Table>>;

/** A table as a value: types, DDL and migrations come from it. Tables and columns have the same names in the database, quoted. */
export function table<const C extends Readonly<Record<string, Shape>>>(
  columns: C,
  options: {
    readonly primaryKey?: readonly (keyof C & string)[];
    readonly indexes?: readonly { readonly on: readonly (keyof C & string)[]; readonly unique?: boolean }[];
  } = {},
): Table<C> {
  const primaryKey =
    options.primaryKey ?? Object.entries(columns).flatMap(([field, { primary }]) => (primary ? [field] : []));
  const numbered = Object.entries(columns).flatMap(([field, { identity }]) => (identity ? [field] : []));
  if (numbered.length > 0 && (numbered.length > 1 || primaryKey.join() !== numbered.join()))
    throw new Error(`An identity is the only one of its table, and its primary key alone: ${numbered.join(", ")}.`);
  return { columns, primaryKey, indexes: options.indexes ?? [] };
}

type RowOf<C> = { [K in keyof C]: C[K] extends Column<infer S, infer I, infer U> ? ColumnType<S, I, U> : never };
/** What a handler is given: Kysely over these tables, named as in the value. */
export type Database<T extends Tables> = { [K in keyof T]: RowOf<T[K]["columns"]> };
export type Db<T extends Tables> = Kysely<Database<T>>;
