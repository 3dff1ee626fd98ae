import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { capturedMail, deliveries } from "./captured.ts";
import { DeliveryRefused } from "./port.ts";
import { capturedSms, httpSms } from "./sms.ts";

const never = new AbortController().signal;
const to = "+4915112345678";
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
  const sms = { id: "<two@holdfast>", to, text: "Willkommen! 注文" };
  await mailer.send({ messageId: "<one@holdfast>", to: "ada@example.com", subject: "Hello", text: "" }, never);
  await sender.send(sms, never);
  await sender.send(sms, never);
  assert.deepEqual(
    deliveries(file).map(({ messageId, to, subject, text }) => [messageId, to, subject, text]),
    [
      ["<one@holdfast>", "ada@example.com", "Hello", ""],
      ["<two@holdfast>", to, "", sms.text],
      ["<two@holdfast>", to, "", sms.text],
    ],
  );
});

test("a number that is none, and a text that no telephone takes, are refused for good", async (t) => {
  const file = await fileFor(t);
  const captured = capturedSms({ file, runtime: controlledRuntime() });
  t.after(() => captured[Symbol.asyncDispose]());
  for (const sender of [captured, httpSms({ url: "http://127.0.0.1:1" })])
    for (const bad of [
      { to: "0151 12345678" },
      { to: "+0151123456" },
      { to: "+4915112345678901" },
      { to: "+49151\n1234567" },
      { text: "" },
      { text: "x".repeat(671) },
    ])
      await assert.rejects(sender.send({ id: "<one@holdfast>", to, text: "Hello", ...bad }, never), DeliveryRefused);
  assert.deepEqual(deliveries(file), []);
});

test("a provider is asked with the message's id as its key; what it says of the message is a bounce, all else is worth another try", async (t) => {
  const asked: { readonly request: IncomingMessage; readonly body: string }[] = [];
  const answers = [202, 422, 401, 429, 503, 301];
  const server = createServer((request, response) => {
    const answer = async () => {
      asked.push({ request, body: await text(request) });
      response.writeHead(answers[asked.length - 1] ?? 500, { location: "http://127.0.0.1:1/elsewhere" }).end("{}");
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const sender = httpSms({ url: `http://shop:s%3Acret@127.0.0.1:${String(address.port)}/send` });
  const send = () => sender.send({ id: "<one@holdfast>", to, text: "Hello" }, never);
  await send();
  await assert.rejects(send(), DeliveryRefused);
  for (const _ of [401, 429, 503, 301])
    await assert.rejects(
      send(),
      (error) => error instanceof Error && !(error instanceof DeliveryRefused) && !error.message.includes("cret"),
    );
  const [first] = asked;
  assert.deepEqual(JSON.parse(first?.body ?? ""), { to, text: "Hello" });
  assert.equal(first?.request.headers["idempotency-key"], "<one@holdfast>");
  assert.equal(first?.request.headers.authorization, `Basic ${Buffer.from("shop:s:cret").toString("base64")}`);
  assert.equal(first?.request.url, "/send");
});
