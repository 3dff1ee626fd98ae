import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Row } from "./engine.ts";
import { explained, SqliteFileError } from "./sqlite-errors.ts";

interface Identity {
  readonly ino: number;
  readonly dev: number;
}

/**
 * Whether a path still names the files that were opened. SQLite goes on writing to a file that was deleted or replaced, and everything that was
 * written is lost when it is closed. Asked around every commit, by two calls of `stat`.
 */
export class SqlitePlace {
  readonly file: string;
  readonly #database: Identity;
  #log: Identity | undefined;
  #seen: { readonly changedAt: number; readonly rows: readonly Row[] } | undefined;

  /** The database has just been opened; its log may come with the first transaction. */
  constructor(file: string) {
    this.file = file;
    this.#database = statSync(file);
  }

  /** Throws where a commit would be lost (`unwritable`), or where one that was just made may be (`unknown`). */
  require(kind: "unwritable" | "unknown"): void {
    const fault = this.#fault();
    if (fault !== undefined)
      throw new SqliteFileError(
        kind,
        `${this.file} ${fault} while it was in use. Put it back, or stop the platform and restore a backup.`,
        { gone: true },
      );
  }

  /** What the file itself answers to a new connection, past what others have in memory; asked again when it has changed. Throws what is wrong with it. */
  look(sql: string): readonly Row[] {
    this.require("unwritable");
    const changedAt = statSync(this.file).mtimeMs;
    if (this.#seen?.changedAt === changedAt) return this.#seen.rows;
    this.#seen = undefined;
    try {
      const db = new DatabaseSync(this.file, { readOnly: true, timeout: 0 });
      try {
        // Proof: without `setReturnArrays` rows are objects by column name.
        const rows = db.prepare(sql).all() as Row[];
        this.#seen = { changedAt, rows };
        return rows;
      } finally {
        db.close();
      }
    } catch (error) {
      throw explained(this.file, error);
    }
  }

  #fault(): string | undefined {
    const database = statSync(this.file, { throwIfNoEntry: false });
    if (database === undefined) return "was removed";
    if (!isSame(database, this.#database)) return "was replaced by another file";
    if (database.size === 0) return "was emptied";
    const log = statSync(`${this.file}-wal`, { throwIfNoEntry: false });
    if (this.#log === undefined) this.#log = log;
    else if (log === undefined || !isSame(log, this.#log)) return "has lost its -wal file";
    return undefined;
  }
}

const isSame = (a: Identity, b: Identity): boolean => a.ino === b.ino && a.dev === b.dev;
