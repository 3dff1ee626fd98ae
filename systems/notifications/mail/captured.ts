import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Runtime } from "holdfast/runtime";
import { checkMail, type Delivered, type Mail, type Mailer } from "./port.ts";

export interface CapturedMailOptions {
  /** A file of its own; several processes may use it. */
  readonly file: string;
  readonly runtime: Runtime;
}

const busyMs = 5_000;

/** Keeps mail in place of sending it. Every delivery is kept, so that a repeated one is seen. */
export function capturedMail({ file, runtime }: CapturedMailOptions): Mailer {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new DatabaseSync(file, { timeout: busyMs });
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, messageId TEXT NOT NULL, "to" TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL);
    PRAGMA busy_timeout = 0;`);
  const { clock, timers, random } = runtime;
  return {
    async send(mail, signal) {
      checkMail(mail);
      const { messageId, to, subject, text } = mail;
      for (;;) {
        try {
          db.prepare('INSERT INTO deliveries (messageId, "to", subject, text, at) VALUES (?, ?, ?, ?, ?)').run(
            messageId,
            to,
            subject,
            text,
            Math.floor(clock.now()),
          );
          return;
        } catch (error) {
          if (!isBusy(error)) throw error;
          await timers.sleep(1 + random.next() * 10, signal);
          signal.throwIfAborted();
        }
      }
    },
    captured: ({ before = Number.MAX_SAFE_INTEGER, limit }) =>
      Promise.resolve(
        db
          .prepare("SELECT * FROM deliveries WHERE number < ? ORDER BY number DESC LIMIT ?")
          .all(before, limit)
          .map(deliveredOf),
      ),
    [Symbol.asyncDispose]() {
      if (db.isOpen) db.close();
      return Promise.resolve();
    },
  };
}

/** Everything in a file of captured mail, oldest first; opens it read-only. */
export function deliveries(file: string): readonly Delivered[] {
  const db = new DatabaseSync(file, { readOnly: true, timeout: busyMs });
  try {
    return db.prepare("SELECT * FROM deliveries ORDER BY number").all().map(deliveredOf);
  } finally {
    db.close();
  }
}

const deliveredOf = (row: Readonly<Record<string, unknown>>): Delivered => {
  const text = (name: keyof Mail) => String(row[name]);
  return {
    number: Number(row["number"]),
    messageId: text("messageId"),
    to: text("to"),
    subject: text("subject"),
    text: text("text"),
    at: new Date(Number(row["at"])),
  };
};

/** SQLITE_BUSY (https://sqlite.org/rescode.html#busy) */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 5;
