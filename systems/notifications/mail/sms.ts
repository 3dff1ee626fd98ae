import { openCaptureFile, readCaptureFile, type CaptureOptions } from "./capture-file.ts";

export interface Sms {
  /** The notification's id; the same in every repetition. */
  readonly id: string;
  /** E.164: a plus, the country, the number; at most 15 digits. */
  readonly to: string;
  readonly text: string;
}

export interface DeliveredSms extends Sms {
  /** Counts deliveries. */
  readonly number: number;
  readonly at: Date;
}

/** Hands a short message over, under the rules of a `Mailer`: `SmsRefused` says that it never will be taken, whatever else it rejects with is worth another try. */
export interface SmsSender extends AsyncDisposable {
  send(sms: Sms, signal: AbortSignal): Promise<void>;
}

export class SmsRefused extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "SmsRefused";
  }
}

/** Ten messages in one, in an alphabet that is not the telephone's (3GPP TS 23.040, section 9.2.3.24.1). */
const maxLength = 10 * 67;

/** Keeps short messages in place of sending them, in the file of captured mail or in one of their own. Every delivery is kept, repeated ones too. */
export function capturedSms(options: CaptureOptions): SmsSender {
  const file = openCaptureFile(
    options,
    `CREATE TABLE IF NOT EXISTS texts (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, "to" TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL)`,
  );
  const insert = file.db.prepare('INSERT INTO texts (id, "to", text, at) VALUES (?, ?, ?, ?)');
  return {
    async send({ id, to, text }, signal) {
      if (!/^\+[1-9]\d{1,14}$/.test(to)) throw new SmsRefused("The number of the short message is not one.");
      if (text.length === 0 || text.length > maxLength)
        throw new SmsRefused(`The text of the short message is empty, or longer than ${String(maxLength)}.`);
      const at = Math.floor(options.runtime.clock.now());
      await file.write(() => insert.run(id, to, text, at), signal);
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}

/** Every short message in a file, oldest first; opens it read-only. */
export const texts = (file: string): readonly DeliveredSms[] =>
  readCaptureFile(file, (db) =>
    db
      .prepare("SELECT * FROM texts ORDER BY number")
      .all()
      .map((row) => ({
        number: Number(row["number"]),
        id: String(row["id"]),
        to: String(row["to"]),
        text: String(row["text"]),
        at: new Date(Number(row["at"])),
      })),
  );
