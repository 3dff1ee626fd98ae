import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { quote } from "./ddl.ts";
import type { Engine, ErrorClass, Insert, Result, Row, Session } from "./engine.ts";
import { badParameter, RecentlyUsed } from "./statements.ts";

export interface SqliteOptions {
  /** The database file; folders are made. */
  readonly file: string;
  /** `full`: a commit is on disk when it returns. `none`: tests only. */
  readonly durability: "full" | "none";
}

/** One file in WAL mode; nothing ever blocks on a lock: who finds the file busy tries again later. */
export function sqliteEngine({ file, durability }: SqliteOptions): Engine {
  mkdirSync(path.dirname(file), { recursive: true });
  return {
    name: "sqlite",
    open(role) {
      // Two processes may open a new file at once: the schema, the switch to WAL and the first pages want the lock for a moment.
      const db = new DatabaseSync(file, { readOnly: false, timeout: 5_000, enableForeignKeyConstraints: true });
      try {
        // The switch to WAL syncs, too.
        db.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "OFF"}; PRAGMA journal_mode = WAL;`);
        db.exec("PRAGMA busy_timeout = 0; PRAGMA wal_autocheckpoint = 4000;");
        if (role === "reader") db.exec("PRAGMA query_only = ON;");
      } catch (error) {
        db.close();
        throw error;
      }
      return Promise.resolve(new SqliteSession(db));
    },
    classify,
    close: () => Promise.resolve(),
  };
}

interface Prepared {
  readonly statement: StatementSync;
  readonly reads: boolean;
}

export class SqliteSession implements Session {
  readonly #db: DatabaseSync;
  readonly #statements = new RecentlyUsed<Prepared>(500);

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  run(sql: string, parameters: readonly unknown[] = []): Result {
    const { statement, reads } = this.#prepare(sql);
    const bound = parameters.map(bind);
    if (reads) {
      // Proof: without `setReturnArrays` rows are objects by column name.
      const rows = statement.all(...bound) as Row[];
      return { rows, changes: rows.length };
    }
    const { changes } = statement.run(...bound);
    return { rows: [], changes: Number(changes) };
  }

  insertMany({ into, columns, rows, onConflict, returning = [] }: Insert): readonly Row[] {
    if (rows.length === 0) return [];
    const names = columns.map(({ name }) => name);
    let sql = `INSERT INTO ${quote(into)} (${names.map(quote).join(", ")}) VALUES (${names.map(() => "?").join(", ")})${onConflict === undefined ? "" : " ON CONFLICT DO NOTHING"}`;
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
    this.#prepare(mode === "write" ? "BEGIN IMMEDIATE" : "BEGIN").statement.run();
  }
  commit(): void {
    this.#prepare("COMMIT").statement.run();
  }
  rollback(): void {
    if (this.inTransaction()) this.#prepare("ROLLBACK").statement.run();
  }
  savepoint(): void {
    this.#prepare("SAVEPOINT unit").statement.run();
  }
  release(): void {
    this.#prepare("RELEASE unit").statement.run();
  }
  rollbackToSavepoint(): void {
    this.#prepare("ROLLBACK TO unit").statement.run();
    this.release();
  }
  inTransaction(): boolean {
    return this.#db.isTransaction;
  }
  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
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

/** PRIMARYKEY, UNIQUE, ROWID */
const uniqueCodes = [1555, 2067, 2579];

/** By the result code (https://sqlite.org/rescode.html). */
function classify(error: unknown): ErrorClass {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return "other";
  const primary = error.errcode & 0xff;
  if (primary === 5 || primary === 6) return "busy";
  if (primary === 19) return uniqueCodes.includes(error.errcode) ? "unique" : "constraint";
  // FULL, IOERR, CORRUPT, CANTOPEN, NOTADB, READONLY
  return [13, 10, 11, 14, 26, 8].includes(primary) ? "lost" : "other";
}
