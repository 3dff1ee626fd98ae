import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createTransport } from "nodemailer";
import { readMail } from "./mime.ts";

const composer = createTransport({ streamTransport: true, buffer: true });
async function composed(subject: string, text: string): Promise<Buffer> {
  const { message } = await composer.sendMail({
    from: "Shop <shop@example.com>",
    to: "ada@example.com",
    messageId: "<one@holdfast>",
    subject,
    text,
  });
  assert.ok(Buffer.isBuffer(message));
  return message;
}

test("whatever subject and text are sent, they are read", async () => {
  const line = fc.string({ unit: "grapheme", maxLength: 200 });
  const lines = fc.array(line, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(line, lines, async (subject, written) => {
      const text = written.join("\n");
      assert.deepEqual(readMail(await composed(subject, text)), {
        messageId: "<one@holdfast>",
        subject: subject.trim(),
        text: text.trimEnd(),
      });
    }),
    { numRuns: 150, seed: 1 },
  );
});

test("a source that is no mail reads as an empty one", () => {
  assert.deepEqual(readMail(Buffer.from("hello")), { messageId: "", subject: "", text: "" });
});
