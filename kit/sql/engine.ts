/** A row as the engine gives it: names as in the query. */
export type Row = Readonly<Record<string, unknown>>;

export interface Result {
  readonly rows: readonly Row[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

export type MaybePromise<T> = T | Promise<T>;

/** A column of a bulk statement; PostgreSQL wants its type for the array that carries it. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: "text" | "bigint" | "bytea" | "boolean" | "double precision";
}

/** `serializable` is the default; who says `read committed` locks the rows that it decides on. SQLite, with one writer, is serializable either way. */
export type Isolation = "serializable" | "read committed";

export interface Insert {
  readonly into: string;
  readonly columns: readonly ColumnSpec[];
  readonly rows: readonly (readonly unknown[])[];
  /** `nothing`: rows that are there already are passed over, and not returned. Else what follows `ON CONFLICT`, in SQL that both engines know. */
  readonly onConflict?: "nothing" | `(${string}) DO UPDATE ${string}`;
  /** Columns of the rows that were really written, in their order; those that the database fills in too. */
  readonly returning?: readonly string[];
}

/** For PostgreSQL; SQLite has one writer at a time. */
export interface Begin {
  /** @default "serializable" */
  readonly isolation?: Isolation;
  /** How long a statement waits for a lock before it fails as a conflict. @default that of the engine */
  readonly lockMs?: number;
}

/**
 * One connection. SQLite answers at once, PostgreSQL with promises: who awaits both writes one code.
 * Statements take `?` for parameters; on PostgreSQL they become `$1`, `$2`, … unless the statement has those already. Parameters are text, numbers,
 * bigints, booleans, bytes or null; whole numbers come back as numbers, and reading one beyond 2^53 fails on both engines, as it would be rounded.
 *
 * A statement that fails leaves a transaction of SQLite usable; on PostgreSQL only going back to a savepoint does.
 */
export interface Session {
  run(sql: string, parameters?: readonly unknown[]): MaybePromise<Result>;
  /** As few statements as the engine allows: one on PostgreSQL, a prepared loop on SQLite. */
  insertMany(insert: Insert): MaybePromise<readonly Row[]>;
  /** Rows whose `column` is among the values, as `where column in (…)`, appended to the given statement. */
  runWithList(
    sql: string,
    parameters: readonly unknown[],
    list: { readonly type: ColumnSpec["type"]; readonly values: readonly unknown[] },
  ): MaybePromise<Result>;
  begin(mode: "write" | "read", how?: Begin): MaybePromise<void>;
  commit(): MaybePromise<void>;
  /** Nothing happens where no transaction is open, or where it went with its connection. */
  rollback(): MaybePromise<void>;
  savepoint(): MaybePromise<void>;
  release(): MaybePromise<void>;
  rollbackToSavepoint(): MaybePromise<void>;
  /** False when the engine has ended the transaction by itself: some errors do. */
  inTransaction(): boolean;
  close(): MaybePromise<void>;
}

/**
 * `conflict`: another transaction won (40001, 40P01, 55P03): run again. `busy`: another writer has the file: try later. `unique`: a row of
 * that key is there. `constraint`: what was written breaks another rule of the database, be it one of a trigger. `unwritable`: nothing can be written now,
 * though what was committed is safe: the disk is full or read-only, or the file is not the one that was opened any more. `lost`: the connection is gone, or
 * the file cannot be trusted. `unknown`: whether a commit happened, or will last, could not be found out.
 */
export type ErrorClass = "conflict" | "busy" | "unique" | "constraint" | "unwritable" | "lost" | "unknown" | "other";

/**
 * Whether engine and connection are well, so that what was written is at fault: its writer has the error, and others go on. Of a commit only the engine's
 * own word counts: it may have failed for anything else.
 */
export const isWritersFault = (kind: ErrorClass, { committing }: { readonly committing: boolean }): boolean =>
  kind === "unique" || kind === "constraint" || (kind === "other" && !committing);

export interface Engine {
  readonly name: "sqlite" | "postgres";
  open(role: "writer" | "reader"): Promise<Session>;
  classify(error: unknown): ErrorClass;
  /** Of engines on a file: what the file itself answers, past what is in memory. Throws what is wrong with it. */
  readonly look?: (sql: string) => readonly Row[];
  close(): Promise<void>;
}
