import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type RequestListener } from "node:http";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { embeddedGateway } from "./embedded.ts";
import { ledger } from "./ledger.ts";
import { chargeRequest, gatewayConformance, gatewayFolder, never } from "./port.conformance.ts";
import { GatewayRefused, GatewayUnavailable, type PaymentGateway } from "./port.ts";
import { remoteGateway } from "./remote.ts";
import { serveGateway } from "./server.ts";

let seed = 0;
/** Each with a seed of its own: two runtimes of one seed make the same ids. */
const nextRuntime = () => controlledRuntime({ seed: (seed += 1) });

gatewayConformance("embedded", async (t) => {
  const file = path.join(await gatewayFolder(t), "gateway.db");
  return {
    open() {
      const gateway = embeddedGateway({ file, runtime: nextRuntime() });
      t.after(() => gateway[Symbol.asyncDispose]());
      return Promise.resolve(gateway);
    },
    ledger: () => ledger(file),
  };
});
gatewayConformance("over HTTP", async (t) => {
  const file = path.join(await gatewayFolder(t), "gateway.db");
  return {
    async open() {
      const server = await serveGateway(embeddedGateway({ file, runtime: nextRuntime() }), 0);
      t.after(() => server.close());
      return remoteGateway(server.url);
    },
    ledger: () => ledger(file),
  };
});

test("a slow card is charged, and who stops waiting for it is told that there was no answer", async (t) => {
  const file = path.join(await gatewayFolder(t), "gateway.db");
  const runtime = controlledRuntime({ flowing: false });
  const gateway = embeddedGateway({ file, runtime });
  t.after(() => gateway[Symbol.asyncDispose]());
  const slow = chargeRequest({ method: "card_slow" });
  const impatient = new AbortController();
  const gone = gateway.charge(slow, impatient.signal);
  impatient.abort();
  await assert.rejects(gone, GatewayUnavailable);
  assert.deepEqual(ledger(file), []);
  const patient = gateway.charge(slow, never);
  await runtime.advance(1_999);
  assert.deepEqual(ledger(file), []);
  await runtime.advance(1);
  assert.equal((await patient).kind, "charged");
});

test("over HTTP: what is not a request is refused, and named", async (t) => {
  const file = path.join(await gatewayFolder(t), "gateway.db");
  const server = await serveGateway(embeddedGateway({ file, runtime: controlledRuntime() }), 0);
  t.after(() => server.close());
  const post = async (address: string, body: string | ReadableStream) => {
    const reply = await fetch(`${server.url}${address}`, { method: "POST", body, duplex: "half" });
    return `${String(reply.status)} ${await reply.text()}`;
  };
  assert.match(await post("/charges", "{"), /^400 .*not JSON/);
  assert.match(await post("/charges", JSON.stringify({ ...chargeRequest(), amount: -1 })), /^400 .*\/amount/);
  assert.match(await post("/charges", JSON.stringify({ ...chargeRequest(), currency: "€" })), /^400 .*\/currency/);
  assert.match(await post("/charges", JSON.stringify({ ...chargeRequest(), more: 1 })), /^400 /);
  assert.match(await post("/elsewhere", "{}"), /^400 /);
  assert.match(await post("/charges", "x".repeat(20_000)), /^400 .*too large/);
  const streamed = new Blob(["x".repeat(20_000)]).stream();
  assert.match(await post("/charges", streamed), /^400 .*too large/, "also without a Content-Length");
  assert.deepEqual(ledger(file), []);
});

test("over HTTP: whatever is not a gateway's answer is no answer; a refusal says once what is wrong", async (t) => {
  let answer: RequestListener = () => undefined;
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const gateway = remoteGateway(`http://127.0.0.1:${String(address.port)}`);
  for (const [status, body] of [
    [200, "<html>"],
    [200, "null"],
    [200, '{"reason":"none"}'],
    [200, '{"kind":"charged"}'],
    [200, '{"kind":"charged","chargeId":7}'],
    [302, "{}"],
    [408, '{"reason":"late"}'],
    [429, '{"reason":"later"}'],
    [401, '{"reason":"who?"}'],
    [503, '{"reason":"down"}'],
  ] as const) {
    answer = (_, response) => void response.writeHead(status, { location: "/" }).end(body);
    await assert.rejects(gateway.charge(chargeRequest(), never), GatewayUnavailable, `${String(status)} ${body}`);
  }
  answer = (_, response) => void response.writeHead(400).end('{"reason":"no such thing."}');
  await assert.rejects(gateway.charge(chargeRequest(), never), {
    name: GatewayRefused.name,
    message: "The payment gateway refused the request: no such thing.",
  });
});

test("a process of its own that is killed knows its charges when it is back", async (t) => {
  const file = path.join(await gatewayFolder(t), "gateway.db");
  const begin = async (): Promise<{ readonly gateway: PaymentGateway; readonly child: ChildProcess }> => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "main.ts"), `--file=${file}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const address = await firstLine(t, child.stdout);
    return { gateway: remoteGateway(address), child };
  };
  const before = await begin();
  const lost = chargeRequest({ method: "card_answer_lost" });
  await assert.rejects(before.gateway.charge(lost, never), GatewayUnavailable);
  const ok = await before.gateway.charge(chargeRequest({ key: "k2" }), never);
  assert.ok(ok.kind === "charged");
  const refund = { key: "r1", chargeId: ok.chargeId, amount: 500, currency: "EUR" };
  const refunded = await before.gateway.refund(refund, never);
  before.child.kill("SIGKILL");
  await assert.rejects(before.gateway.charge(lost, never), GatewayUnavailable);
  const after = await begin();
  assert.equal((await after.gateway.charge(lost, never)).kind, "charged");
  assert.deepEqual(await after.gateway.charge(chargeRequest({ key: "k2" }), never), ok);
  assert.deepEqual(await after.gateway.refund(refund, never), refunded);
  assert.deepEqual(
    ledger(file).map(({ charged, refunded: back }) => [charged, back]),
    [
      [500, 0],
      [500, 500],
    ],
  );
});

function firstLine(t: TestContext, stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error("The process ended, or took ten seconds, before it said where it listens."));
    const deadline = setTimeout(gone, 10_000);
    t.after(() => clearTimeout(deadline));
    stream.once("data", (text: Buffer) => resolve(text.toString().trim()));
    stream.once("end", gone);
  });
}
