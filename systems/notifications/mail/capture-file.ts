import { DatabaseSync } from "node:sqlite";
import { sqliteFile, type SqliteFile } from "holdfast/sql";
import type { Runtime } from "holdfast/runtime";

export interface CaptureOptions {
  /** A file of its own; several processes may use it, and whoever only looks opens it read-only. */
  readonly file: string;
  readonly runtime: Runtime;
}

export const openCaptureFile = (options: CaptureOptions): SqliteFile =>
  sqliteFile({ ...options, tables: deliveriesTable });

export function readCaptureFile<T>(file: string, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** Mail and short messages alike, in the order in which they were handed over. */
const deliveriesTable = `CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, messageId TEXT NOT NULL, "to" TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL)`;
export const insertDelivery = 'INSERT INTO deliveries (messageId, "to", subject, text, at) VALUES (?, ?, ?, ?, ?)';
