import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { capturedMail, deliveries } from "./captured.ts";
import { serveCapture, testAddresses } from "./capture-server.ts";
import { MailRefused, type Mail, type Mailer } from "./port.ts";
import { smtpMail } from "./smtp.ts";

const never = new AbortController().signal;
const mail = (given: Partial<Mail> = {}): Mail => ({
  messageId: "<one@holdfast>",
  to: "ada@example.com",
  subject: "Grüße",
  text: "Zwei Zeilen,\nund ein Ü.",
  ...given,
});
const fileFor = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-mail-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, "mail.db");
};
const openSmtp = async (t: TestContext, file: string): Promise<Mailer> => {
  const server = await serveCapture(file, 0);
  const mailer = smtpMail({ url: server.url, from: "Shop <shop@example.com>" });
  t.after(async () => {
    await mailer[Symbol.asyncDispose]();
    await server.close();
  });
  return mailer;
};

test("captured: every delivery is kept, repeated ones too, and shown newest first", async (t) => {
  const file = await fileFor(t);
  const runtime = controlledRuntime();
  const [one, two] = [capturedMail({ file, runtime }), capturedMail({ file, runtime })];
  t.after(() => Promise.all([one, two].map((mailer) => mailer[Symbol.asyncDispose]())));
  await Promise.all([one.send(mail(), never), two.send(mail(), never)]);
  await one.send(mail({ messageId: "<two@holdfast>" }), never);
  assert.deepEqual(
    deliveries(file).map(({ messageId }) => messageId),
    ["<one@holdfast>", "<one@holdfast>", "<two@holdfast>"],
  );
  const newest = await two.captured?.({ limit: 1 });
  assert.deepEqual(
    newest?.map(({ messageId }) => messageId),
    ["<two@holdfast>"],
  );
});

test("SMTP: a mail arrives with its Message-ID; sent again it arrives with the same one", async (t) => {
  const file = await fileFor(t);
  const mailer = await openSmtp(t, file);
  await mailer.send(mail({ subject: "Hello", text: "Plain." }), never);
  await mailer.send(mail({ subject: "Hello", text: "Plain." }), never);
  const kept = deliveries(file);
  assert.deepEqual(
    kept.map(({ messageId, to, subject, text }) => [messageId, to, subject, text]),
    Array.from({ length: 2 }, () => ["<one@holdfast>", "ada@example.com", "Hello", "Plain."]),
  );
});

test("SMTP: who is refused for good bounces, who is refused for now gets it in the end", async (t) => {
  const file = await fileFor(t);
  const mailer = await openSmtp(t, file);
  await assert.rejects(mailer.send(mail({ to: testAddresses.bounces }), never), MailRefused);
  const busy = mail({ to: testAddresses.busyOnce });
  await assert.rejects(mailer.send(busy, never), (error) => !(error instanceof MailRefused));
  await mailer.send(busy, never);
  assert.equal(deliveries(file).length, 1);
});

test("SMTP: a server that is down is no bounce", async (t) => {
  const mailer = smtpMail({ url: "smtp://127.0.0.1:1", from: "shop@example.com" });
  t.after(() => mailer[Symbol.asyncDispose]());
  await assert.rejects(mailer.send(mail(), never), (error) => !(error instanceof MailRefused));
});

test("a mail that would smuggle in a header is refused", async (t) => {
  const file = await fileFor(t);
  const mailer = capturedMail({ file, runtime: controlledRuntime() });
  t.after(() => mailer[Symbol.asyncDispose]());
  for (const bad of [
    { subject: "Hello\r\nBcc: eve@example.com" },
    { to: "ada@example.com\nBcc: eve@example.com" },
    { to: "ada" },
    { messageId: "one" },
    { messageId: "<one@holdfast>\r\nX: y" },
  ])
    await assert.rejects(mailer.send(mail(bad), never), MailRefused, JSON.stringify(bad));
  assert.deepEqual(deliveries(file), []);
});
