import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { embeddedGateway } from "./embedded.ts";
import { ledger } from "./ledger.ts";
import { GatewayRefused, GatewayUnavailable, type ChargeRequest, type PaymentGateway } from "./port.ts";
import { remoteGateway } from "./remote.ts";
import { serveGateway } from "./server.ts";

const never = new AbortController().signal;
const request = (given: Partial<ChargeRequest> = {}): ChargeRequest => ({
  key: "k1",
  amount: 500,
  currency: "EUR",
  method: "card_ok",
  reference: "order-1",
  ...given,
});
const folder = async (t: TestContext): Promise<string> => {
  const made = await mkdtemp(path.join(os.tmpdir(), "holdfast-gateway-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
};

interface Way {
  readonly name: string;
  /** Two gateways on one file, as two processes would have them. */
  open(t: TestContext, file: string): Promise<readonly [PaymentGateway, PaymentGateway]>;
}
const ways: readonly Way[] = [
  {
    name: "embedded",
    open(t, file) {
      const pair = [0, 1].map(() => embeddedGateway({ file, runtime: controlledRuntime() }));
      t.after(() => Promise.all(pair.map((gateway) => gateway[Symbol.asyncDispose]())));
      const [one, two] = pair;
      return Promise.resolve([one ?? assert.fail(), two ?? assert.fail()]);
    },
  },
  {
    name: "a process of its own",
    async open(t, file) {
      const servers = [];
      for (let at = 0; at < 2; at += 1) {
        const server = await serveGateway(embeddedGateway({ file, runtime: controlledRuntime() }), 0);
        t.after(() => server.close());
        servers.push(remoteGateway(server.url));
      }
      const [one, two] = servers;
      return [one ?? assert.fail(), two ?? assert.fail()];
    },
  },
];

for (const { name, open } of ways) {
  const gatewayTest = (what: string, run: (one: PaymentGateway, two: PaymentGateway, file: string) => Promise<void>) =>
    void test(`${name}: ${what}`, async (t) => {
      const file = path.join(await folder(t), "gateway.db");
      const [one, two] = await open(t, file);
      await run(one, two, file);
    });

  gatewayTest("the same key is the same charge, over instances and at the same time", async (one, two, file) => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? one : two).charge(request(), never)),
    );
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1);
    assert.deepEqual(
      ledger(file).map(({ reference, charged, refunded }) => ({ reference, charged, refunded })),
      [{ reference: "order-1", charged: 500, refunded: 0 }],
    );
  });

  gatewayTest("a key that was used for another charge is refused", async (one, two) => {
    await one.charge(request(), never);
    await assert.rejects(two.charge(request({ amount: 501 }), never), GatewayRefused);
  });

  gatewayTest("a decline is an answer, and is remembered", async (one, two) => {
    const declined = await one.charge(request({ method: "card_declined" }), never);
    assert.deepEqual(declined, { kind: "declined", reason: "the card was declined" });
    assert.deepEqual(await two.charge(request({ method: "card_declined" }), never), declined);
    const unknown = await one.charge(request({ key: "k2", method: "card_of_glass" }), never);
    assert.equal(unknown.kind, "declined");
  });

  gatewayTest("a lost answer is no answer; asking again tells of the one charge", async (one, two, file) => {
    const lost = request({ method: "card_answer_lost" });
    await assert.rejects(one.charge(lost, never), GatewayUnavailable);
    assert.equal(ledger(file).length, 1, "it was charged all the same");
    assert.equal((await two.charge(lost, never)).kind, "charged");
    assert.equal(ledger(file).length, 1);
  });

  gatewayTest("one that is down is asked until it is up", async (one, two) => {
    const down = request({ method: "card_down" });
    for (let time = 1; time <= 3; time += 1)
      await assert.rejects((time === 2 ? two : one).charge(down, never), GatewayUnavailable);
    assert.equal((await two.charge(down, never)).kind, "charged");
  });

  gatewayTest("money is given back once a key, and never more than was charged", async (one, two, file) => {
    const charged = await one.charge(request(), never);
    assert.ok(charged.kind === "charged");
    const { chargeId } = charged;
    const refund = { key: "r1", chargeId, amount: 500, currency: "EUR" };
    assert.deepEqual(await one.refund(refund, never), await two.refund(refund, never));
    await assert.rejects(two.refund({ ...refund, key: "r2", amount: 1 }, never), GatewayRefused);
    await assert.rejects(two.refund({ ...refund, key: "r3", chargeId: "ch_none" }, never), GatewayRefused);
    assert.deepEqual(
      ledger(file).map(({ refunded }) => refunded),
      [500],
    );
  });
}

test("a process of its own: what is not a request is refused, and named", async (t) => {
  const file = path.join(await folder(t), "gateway.db");
  const server = await serveGateway(embeddedGateway({ file, runtime: controlledRuntime() }), 0);
  t.after(() => server.close());
  const post = async (address: string, body: string) => {
    const reply = await fetch(`${server.url}${address}`, { method: "POST", body });
    return `${String(reply.status)} ${await reply.text()}`;
  };
  assert.match(await post("/charges", "{"), /^400 .*not JSON/);
  assert.match(await post("/charges", JSON.stringify({ ...request(), amount: -1 })), /^400 .*\/amount/);
  assert.match(await post("/charges", JSON.stringify({ ...request(), currency: "€" })), /^400 .*\/currency/);
  assert.match(await post("/elsewhere", "{}"), /^400 /);
  assert.match(await post("/charges", "x".repeat(20_000)), /^400 .*too large/);
});

test("a process of its own that is killed knows its charges when it is back", async (t) => {
  const file = path.join(await folder(t), "gateway.db");
  const children: ChildProcess[] = [];
  t.after(() => children.forEach((child) => child.kill("SIGKILL")));
  const begin = async (): Promise<PaymentGateway> => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "main.ts"), `--file=${file}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const address = await new Promise<string>((resolve) => {
      child.stdout.once("data", (text: Buffer) => resolve(text.toString()));
    });
    return remoteGateway(address.trim());
  };
  const before = await begin();
  const lost = request({ method: "card_answer_lost" });
  await assert.rejects(before.charge(lost, never), GatewayUnavailable);
  children[0]?.kill("SIGKILL");
  await assert.rejects(before.charge(lost, never), GatewayUnavailable);
  const after = await begin();
  assert.equal((await after.charge(lost, never)).kind, "charged");
  assert.equal(ledger(file).length, 1);
});
