import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { capturedMail, deliveries } from "./captured.ts";
import { capturedSms, SmsRefused, texts } from "./sms.ts";

const never = new AbortController().signal;
const fileFor = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-sms-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, "mail.db");
};

test("every delivery of a short message is kept, repeated ones too, in the file of captured mail", async (t) => {
  const file = await fileFor(t);
  const runtime = controlledRuntime({ flowing: false });
  const [sender, mailer] = [capturedSms({ file, runtime }), capturedMail({ file, runtime })];
  t.after(() => Promise.all([sender, mailer].map((each) => each[Symbol.asyncDispose]())));
  const sms = { id: "one", to: "+4915112345678", text: "Willkommen! 注文" };
  await Promise.all([
    sender.send(sms, never),
    sender.send(sms, never),
    mailer.send({ messageId: "<one@holdfast>", to: "ada@example.com", subject: "Hello", text: "" }, never),
  ]);
  const at = new Date(Date.UTC(2030, 0, 1));
  assert.deepEqual(texts(file), [
    { ...sms, number: 1, at },
    { ...sms, number: 2, at },
  ]);
  assert.equal(deliveries(file).length, 1);
});

test("a number that is none, and a text that no telephone takes, are refused for good", async (t) => {
  const file = await fileFor(t);
  const sender = capturedSms({ file, runtime: controlledRuntime() });
  t.after(() => sender[Symbol.asyncDispose]());
  for (const bad of [
    { to: "0151 12345678" },
    { to: "+0151123456" },
    { to: "+4915112345678901" },
    { to: "+49151\n1234567" },
    { text: "" },
    { text: "x".repeat(671) },
  ])
    await assert.rejects(sender.send({ id: "one", to: "+4915112345678", text: "Hello", ...bad }, never), SmsRefused);
  assert.deepEqual(texts(file), []);
});
