import { statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { privateFile, tighten } from "../runtime/index.ts";
import { quote } from "./ddl.ts";
import type { Engine, Insert, Result, Row, Session } from "./engine.ts";
import { classify, explained, requireAccess } from "./sqlite-errors.ts";
import { SqlitePlace } from "./sqlite-place.ts";
import { badParameter, conflictClause, RecentlyUsed } from "./statements.ts";

export interface SqliteOptions {
  /** Throws where the file is missing or empty, given what is wrong. @default it is made */
  readonly onMissing?: ((found: string) => Error) | undefined;
  /** The database file; folders are made. */
  readonly file: string;
  /** `full`: a commit is on disk when it returns. `none`: tests only. */
  readonly durability: "full" | "none";
}

/** One file in WAL mode; nothing ever blocks on a lock: who finds the file busy tries again later. Errors name the file. */
export function sqliteEngine(options: SqliteOptions): Engine {
  const { file } = options;
  /** Of all sessions that are open at the same time. */
  let place: SqlitePlace | undefined;
  let sessions = 0;
  const onClose = () => {
    sessions -= 1;
    if (sessions === 0) place = undefined;
  };
  return {
    name: "sqlite",
    open(role) {
      const db = openSqliteFile(options);
      place ??= new SqlitePlace(file);
      sessions += 1;
      if (role === "reader") db.exec("PRAGMA query_only = ON;");
      return Promise.resolve(new SqliteSession(db, place, onClose));
    },
    classify,
    look: (sql) => (place ?? new SqlitePlace(file)).look(sql),
    close: () => Promise.resolve(),
  };
}

/**
 * Opens a database file in WAL mode, and makes it where it is missing; it and its folder are its owner's alone. Nothing waits for a lock afterwards.
 * Throws an error that names the file and says what to do.
 */
export function openSqliteFile({ file, durability, onMissing }: SqliteOptions): DatabaseSync {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (onMissing !== undefined && (size ?? 0) === 0)
    throw onMissing(`${file} is ${size === undefined ? "missing" : "empty"}`);
  privateFile(file);
  requireAccess(file);
  let db: DatabaseSync | undefined;
  try {
    // Two processes may open a new file at once: the schema, the switch to WAL and the first pages want the lock for a moment.
    db = new DatabaseSync(file, { readOnly: false, timeout: 5_000, enableForeignKeyConstraints: true });
    // The switch to WAL syncs, too.
    db.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "OFF"}; PRAGMA journal_mode = WAL;`);
    db.exec("PRAGMA busy_timeout = 0; PRAGMA wal_autocheckpoint = 4000;");
  } catch (error) {
    db?.close();
    throw explained(file, error);
  }
  // New ones get the mode of the database; those of a crash may have been made with another.
  for (const beside of ["-wal", "-shm"]) tighten(`${file}${beside}`);
  return db;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly reads: boolean;
}

export class SqliteSession implements Session {
  readonly #db: DatabaseSync;
  readonly #place: SqlitePlace;
  readonly #onClose: () => void;
  readonly #statements = new RecentlyUsed<Prepared>(500);

  constructor(db: DatabaseSync, place: SqlitePlace, onClose: () => void) {
    this.#db = db;
    this.#place = place;
    this.#onClose = onClose;
  }

  run(sql: string, parameters: readonly unknown[] = []): Result {
    const bound = parameters.map(bind);
    return this.#explaining(() => {
      const { statement, reads } = this.#prepare(sql);
      if (reads) {
        // Proof: without `setReturnArrays` rows are objects by column name.
        const rows = statement.all(...bound) as Row[];
        return { rows, changes: rows.length };
      }
      const { changes } = statement.run(...bound);
      return { rows: [], changes: Number(changes) };
    });
  }

  insertMany(insert: Insert): readonly Row[] {
    return insert.rows.length === 0 ? [] : this.#explaining(() => this.#insert(insert));
  }

  #insert({ into, columns, rows, onConflict, returning = [] }: Insert): readonly Row[] {
    const names = columns.map(({ name }) => name);
    let sql = `INSERT INTO ${quote(into)} (${names.map(quote).join(", ")}) VALUES (${names.map(() => "?").join(", ")})${conflictClause(onConflict)}`;
    const inserted: Row[] = [];
    if (returning.some((name) => !names.includes(name))) {
      sql += ` RETURNING ${returning.map(quote).join(", ")}`;
      const { statement } = this.#prepare(sql);
      for (const row of rows) {
        // Proof: without `setReturnArrays` a row is an object by column name; undefined where the conflict passed it over.
        const answer = statement.get(...row.map(bind)) as Row | undefined;
        if (answer !== undefined) inserted.push(answer);
      }
      return inserted;
    }
    // What goes in is what would come back: asking for it costs more than remembering it.
    const { statement } = this.#prepare(sql);
    for (const row of rows) {
      const { changes } = statement.run(...row.map(bind));
      if (returning.length > 0 && changes > 0)
        inserted.push(Object.fromEntries(returning.map((name) => [name, row[names.indexOf(name)]])));
    }
    return inserted;
  }

  runWithList(sql: string, parameters: readonly unknown[], list: { readonly values: readonly unknown[] }): Result {
    return this.run(`${sql} IN (SELECT value FROM json_each(?))`, [...parameters, JSON.stringify(list.values)]);
  }

  begin(mode: "write" | "read"): void {
    this.#execute(mode === "write" ? "BEGIN IMMEDIATE" : "BEGIN");
  }
  commit(): void {
    this.#place.require("unwritable");
    this.#execute("COMMIT");
    this.#place.require("unknown");
  }
  rollback(): void {
    if (this.inTransaction()) this.#execute("ROLLBACK");
  }
  savepoint(): void {
    this.#execute("SAVEPOINT unit");
  }
  release(): void {
    this.#execute("RELEASE unit");
  }
  rollbackToSavepoint(): void {
    this.#execute("ROLLBACK TO unit");
    this.release();
  }
  inTransaction(): boolean {
    return this.#db.isTransaction;
  }
  close(): void {
    this.#statements.clear();
    if (!this.#db.isOpen) return;
    this.#db.close();
    this.#onClose();
  }

  #execute(sql: string): void {
    this.#explaining(() => this.#prepare(sql).statement.run());
  }

  #explaining<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explained(this.#place.file, error);
    }
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    const prepared = { statement, reads: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

function bind(value: unknown): string | number | bigint | null | Uint8Array {
  if (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    value === null ||
    value instanceof Uint8Array
  )
    return value;
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  throw badParameter(value);
}
