import { insertDelivery, openCaptureFile, readCaptureFile, type CaptureOptions } from "./capture-file.ts";
import { checkMail, type Delivered, type Mail, type Mailer } from "./port.ts";

/** Keeps mail in place of sending it. Every delivery is kept, so that a repeated one is seen. */
export function capturedMail(options: CaptureOptions): Mailer {
  const file = openCaptureFile(options);
  const insert = file.db.prepare(insertDelivery);
  const page = file.db.prepare("SELECT * FROM deliveries WHERE number < ? ORDER BY number DESC LIMIT ?");
  return {
    async send(mail, signal) {
      checkMail(mail);
      const { messageId, to, subject, text } = mail;
      const at = Math.floor(options.runtime.clock.now());
      await file.write(() => insert.run(messageId, to, subject, text, at), signal);
    },
    captured: ({ before = Number.MAX_SAFE_INTEGER, limit }) =>
      Promise.resolve(page.all(before, limit).map(deliveredOf)),
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}

/** Everything in a file of captured mail, oldest first; opens it read-only. */
export const deliveries = (file: string): readonly Delivered[] =>
  readCaptureFile(file, (db) => db.prepare("SELECT * FROM deliveries ORDER BY number").all().map(deliveredOf));

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
