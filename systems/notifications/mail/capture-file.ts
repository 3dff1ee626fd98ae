import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Runtime } from "holdfast/runtime";

export interface CaptureOptions {
  /** A file of its own; several processes may use it, and whoever only looks opens it read-only. */
  readonly file: string;
  readonly runtime: Runtime;
}

export interface CaptureFile {
  readonly db: DatabaseSync;
  /** Writes when the file is free; waits for that without blocking the event loop, until the signal says that nobody waits any more. */
  write(work: () => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** What is on disk when `write` resolves stays there. */
export function openCaptureFile({ file, runtime: { timers, random } }: CaptureOptions, table: string): CaptureFile {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new DatabaseSync(file, { timeout: busyMs });
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${table}; PRAGMA busy_timeout = 0;`);
  return {
    db,
    async write(work, signal) {
      for (;;) {
        signal.throwIfAborted();
        try {
          work();
          return;
        } catch (error) {
          if (!isBusy(error)) throw error;
          await timers.sleep(1 + random.next() * 10, signal);
        }
      }
    },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

export function readCaptureFile<T>(file: string, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { readOnly: true, timeout: busyMs });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

const busyMs = 5_000;

/** SQLITE_BUSY (https://sqlite.org/rescode.html#busy) */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 5;

/** Mail and short messages alike, in the order in which they were handed over. */
export const deliveriesTable = `CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, messageId TEXT NOT NULL, "to" TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL)`;
export const insertDelivery = 'INSERT INTO deliveries (messageId, "to", subject, text, at) VALUES (?, ?, ?, ?, ?)';
