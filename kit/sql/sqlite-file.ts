import type { DatabaseSync } from "node:sqlite";
import type { Runtime } from "../runtime/index.ts";
import { openSqliteFile, type SqliteOptions } from "./sqlite.ts";
import { classify, explained, SqliteFileError } from "./sqlite-errors.ts";
import { SqlitePlace } from "./sqlite-place.ts";

export interface SqliteFileOptions extends Pick<SqliteOptions, "file"> {
  readonly runtime: Pick<Runtime, "clock" | "timers" | "random">;
  /** Statements that make the tables: `CREATE TABLE IF NOT EXISTS …`. */
  readonly tables: string;
}

/** A small database that an adapter keeps for itself, beside the store of its service. */
export interface SqliteFile {
  readonly db: DatabaseSync;
  /**
   * One transaction, on disk when it resolves. A busy file is asked again without blocking the event loop, for 5 s or until the signal aborts. Rejects
   * with an error that names the file where it cannot be written (`isUnwritable`): nothing of it was done.
   */
  write<T>(work: () => T, signal?: AbortSignal): Promise<T>;
  close(): void;
}

const busyMs = 5_000;

/** Several processes may use the file; whoever only looks opens it read-only. Throws an error that names the file where it cannot be used. */
export function sqliteFile({ file, tables, runtime }: SqliteFileOptions): SqliteFile {
  const { clock, timers, random } = runtime;
  const db = openSqliteFile({ file, durability: "full" });
  const place = new SqlitePlace(file);
  /** False where another process writes. */
  const begin = (): boolean => {
    try {
      db.exec("BEGIN IMMEDIATE");
      return true;
    } catch (error) {
      if (classify(error) !== "busy") throw error;
      return false;
    }
  };
  try {
    // In one transaction: each would sync the disk on its own.
    db.exec(`PRAGMA busy_timeout = ${String(busyMs)}; BEGIN IMMEDIATE; ${tables}; COMMIT; PRAGMA busy_timeout = 0;`);
  } catch (error) {
    db.close();
    throw explained(file, error);
  }
  return {
    db,
    async write(work, signal) {
      signal?.throwIfAborted();
      const until = clock.monotonic() + busyMs;
      try {
        while (!begin()) {
          if (clock.monotonic() > until)
            throw new SqliteFileError("unwritable", `${file} is busy: another process writes to it.`);
          await timers.sleep(1 + random.next() * 10, signal);
          signal?.throwIfAborted();
        }
        // Nothing is awaited from here on: others of this process use the same connection.
        const value = work();
        place.require("unwritable");
        db.exec("COMMIT");
        place.require("unknown");
        return value;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw explained(file, error);
      }
    },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

/** Whether a file could not be written, for want of room, say: nothing was, and another try may go well. */
export const isUnwritable = (error: unknown): boolean =>
  error instanceof SqliteFileError && error.kind === "unwritable";
