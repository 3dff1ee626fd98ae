import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { capturedMail, deliveries } from "./captured.ts";
import { serveCapture, testAddresses } from "./capture-server.ts";
import { DeliveryRefused, type Mail, type Mailer } from "./port.ts";
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
const mailerTo = (t: TestContext, url: string): Mailer => {
  const mailer = smtpMail({ url, from: "Shop <shop@example.com>" });
  t.after(() => mailer[Symbol.asyncDispose]());
  return mailer;
};
const openSmtp = async (t: TestContext, file: string): Promise<Mailer> => {
  const server = await serveCapture(file, 0);
  const mailer = mailerTo(t, server.url);
  t.after(() => server.close());
  return mailer;
};
const portOf = (server: { address(): unknown }): number => {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null && "port" in address && typeof address.port === "number");
  return address.port;
};
/** A mail server that says no where it is told to. */
const openServer = async (t: TestContext, options: SMTPServerOptions, sockets = new Set<Socket>()): Promise<Mailer> => {
  const server = new SMTPServer({ authOptional: true, disabledCommands: ["STARTTLS", "AUTH"], ...options });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  server.server.on("connection", (socket: Socket) => sockets.add(socket));
  const mailer = mailerTo(t, `smtp://127.0.0.1:${String(portOf(server.server))}`);
  t.after(() => server.close());
  return mailer;
};
const says = (responseCode: number): Error => Object.assign(new Error("no"), { responseCode });
const isNoBounce = (error: unknown): boolean => !(error instanceof DeliveryRefused);

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
  await assert.rejects(mailer.send(mail({ to: testAddresses.bounces }), never), DeliveryRefused);
  const busy = mail({ to: testAddresses.busyOnce });
  await assert.rejects(mailer.send(busy, never), isNoBounce);
  await mailer.send(busy, never);
  assert.equal(deliveries(file).length, 1);
});

test("SMTP: a mail in any alphabet arrives as it was written", async (t) => {
  const file = await fileFor(t);
  const mailer = await openSmtp(t, file);
  const written = mail({
    to: "ada@exämple.com",
    subject: "Grüße: 注文 ".repeat(20).trim(),
    text: "Zwei Zeilen,\n.\n..\nFrom hier: a = b, und ein Ü.",
  });
  await mailer.send(written, never);
  const [kept] = deliveries(file);
  assert.deepEqual({ ...kept, number: undefined, at: undefined }, { ...written, number: undefined, at: undefined });
});

test("SMTP: a mail that is too large bounces", async (t) => {
  const file = await fileFor(t);
  const mailer = await openSmtp(t, file);
  await assert.rejects(mailer.send(mail({ text: "line\n".repeat(300_000) }), never), DeliveryRefused);
  await mailer.send(mail(), never);
  assert.equal(deliveries(file).length, 1);
});

test("SMTP: a refusal for good is a bounce only if it is of the person or the mail, not of us", async (t) => {
  const refuse = (responseCode: number) => (_: unknown, __: unknown, done: (error: Error) => void) =>
    done(says(responseCode));
  const ofPerson = await openServer(t, { onRcptTo: refuse(550) });
  await assert.rejects(ofPerson.send(mail(), never), DeliveryRefused);
  const ofMail = await openServer(t, {
    onData: (stream, _, done) => void stream.resume().on("end", () => done(says(554))),
  });
  await assert.rejects(ofMail.send(mail(), never), DeliveryRefused);
  for (const ours of [{ onMailFrom: refuse(550) }, { onMailFrom: refuse(530) }, { onRcptTo: refuse(530) }])
    await assert.rejects((await openServer(t, ours)).send(mail(), never), isNoBounce);
  const login = await openServer(t, { authOptional: false, disabledCommands: ["STARTTLS"] });
  await assert.rejects(login.send(mail(), never), isNoBounce);
});

test("SMTP: who stops waiting for a server that says nothing is let go at once", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const connected = new Promise<Socket>((resolve) => {
    server.once("connection", resolve);
  });
  t.after(() => server.close());
  const mailer = mailerTo(t, `smtp://127.0.0.1:${String(portOf(server))}`);
  const patience = new AbortController();
  const sent = mailer.send(mail(), patience.signal);
  const socket = await connected;
  t.after(() => socket.destroy());
  patience.abort();
  await assert.rejects(sent, isNoBounce);
  await assert.rejects(mailer.send(mail(), patience.signal), isNoBounce);
});

test("SMTP: a connection that breaks before the 250 is told, and the mail is not sent again unasked", async (t) => {
  let tries = 0;
  const sockets = new Set<Socket>();
  const breaks = (stream: Readable) =>
    void stream.resume().on("end", () => {
      tries += 1;
      for (const socket of sockets) socket.destroy();
    });
  const mailer = await openServer(t, { onData: breaks }, sockets);
  await assert.rejects(mailer.send(mail(), never), isNoBounce);
  assert.equal(tries, 1);
});

test("SMTP: a server that hangs up is told at once, each time", async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.end(connections === 1 ? "" : "220 hello\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const mailer = mailerTo(t, `smtp://127.0.0.1:${String(portOf(server))}`);
  t.after(() => server.close());
  for (const tries of [1, 2]) {
    await assert.rejects(mailer.send(mail(), never), isNoBounce);
    assert.equal(connections, tries);
  }
});

test("the capture server, a process of its own, has on disk what it has taken when it is killed", async (t) => {
  const file = await fileFor(t);
  const program = path.join(import.meta.dirname, "capture-server.ts");
  const child = spawn(process.execPath, [program, `--file=${file}`], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const line: unknown[] = await once(child.stdout, "data", { signal: AbortSignal.timeout(10_000) });
  const mailer = mailerTo(t, String(line[0]).trim());
  await mailer.send(mail(), never);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.deepEqual(
    deliveries(file).map(({ messageId }) => messageId),
    ["<one@holdfast>"],
  );
  await assert.rejects(mailer.send(mail(), never), isNoBounce);
  const again = await openSmtp(t, file);
  await again.send(mail(), never);
  assert.deepEqual(
    deliveries(file).map(({ messageId }) => messageId),
    ["<one@holdfast>", "<one@holdfast>"],
  );
});

test("the capture server says so when it cannot listen", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  await assert.rejects(serveCapture(await fileFor(t), portOf(taken)), { code: "EADDRINUSE" });
});

test("captured: a file that another process writes to is waited for, as long as anybody waits", async (t) => {
  const file = await fileFor(t);
  const mailer = capturedMail({ file, runtime: controlledRuntime() });
  t.after(() => mailer[Symbol.asyncDispose]());
  const other = new DatabaseSync(file);
  t.after(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  const patience = new AbortController();
  const [waited, given] = [mailer.send(mail(), never), mailer.send(mail(), patience.signal)];
  patience.abort();
  await assert.rejects(given, { name: "AbortError" });
  other.exec("COMMIT");
  await waited;
  assert.equal(deliveries(file).length, 1);
});

test("SMTP: a server that is down is no bounce", async (t) => {
  const mailer = smtpMail({ url: "smtp://127.0.0.1:1", from: "shop@example.com" });
  t.after(() => mailer[Symbol.asyncDispose]());
  await assert.rejects(mailer.send(mail(), never), isNoBounce);
});

test("a mail that would smuggle in a header is refused", async (t) => {
  const file = await fileFor(t);
  const mailer = capturedMail({ file, runtime: controlledRuntime() });
  t.after(() => mailer[Symbol.asyncDispose]());
  for (const bad of [
    { subject: "Hello\r\nBcc: eve@example.com" },
    { to: "ada@example.com\nBcc: eve@example.com" },
    { to: "ada" },
    { to: "ada@example.com, eve@example.com" },
    { to: "ada,eve@example.com" },
    { to: "<ada@example.com>" },
    { to: "ada@example.com>" },
    { to: "Ada:ada@example.com;" },
    { subject: "Hello\0" },
    { messageId: "one" },
    { messageId: "<one@holdfast>\r\nX: y" },
  ])
    await assert.rejects(mailer.send(mail(bad), never), DeliveryRefused, JSON.stringify(bad));
  assert.deepEqual(deliveries(file), []);
});
