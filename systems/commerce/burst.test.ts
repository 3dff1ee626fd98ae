import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { until } from "holdfast/testing";

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The shop as `npm start` runs it, with its seed. */
async function shop(context: TestContext, flags: readonly string[]) {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-burst-"));
  const entry = path.join(import.meta.dirname, "../main.ts");
  const args = ["commerce", "--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`, ...flags];
  const cache = path.join(import.meta.dirname, "../../node_modules/.cache/node");
  const running = spawn(process.execPath, [entry, ...args], {
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(async () => {
    const ended = once(running, "exit");
    running.kill("SIGTERM");
    await ended;
    await rm(data, { recursive: true, force: true });
  });
  let said = "";
  running.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until("it is ready", () => /front door\s+http:\S+\n/.test(said));
  const url = /front door\s+(http:\S+)\n/.exec(said)?.[1] ?? "";
  const ask = async (address: string, body?: object, headers: Record<string, string> = {}): Promise<Answered> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const reply = await fetch(`${url}${address}`, {
      ...init,
      headers: { "content-type": "application/json", ...headers },
    });
    // Proof: the platform answers with JSON objects.
    return { status: reply.status, body: (await reply.json()) as Answered["body"] };
  };
  await until("it is seeded", async () => (await ask("/stock/coffee")).status === 200);
  const customerId = String((await ask("/customers", { name: "Ada", email: "ada@example.com" })).body["customerId"]);
  return {
    ask,
    customerId,
    order: (sku: string, headers?: Record<string, string>) => {
      const lines = [{ sku, quantity: 1 }];
      const body = { customerId, lines, paymentMethod: "card_declined", reservation: "immediate" };
      return ask("/orders", body, headers);
    },
  };
}

const placed = ({ status, body }: Answered) =>
  assert.ok(status === 201 || status === 409, `${String(status)} ${JSON.stringify(body)}`);

for (const { mode, flags, count } of [
  { mode: "in one process", flags: [], count: 150 },
  { mode: "with --processes", flags: ["--processes"], count: 20 },
]) {
  void test(`${mode}: ${String(count)} orders that reserve at once are decided, and nobody's short time, bad cursor or long list harms the next order`, async (t) => {
    const { ask, order, customerId } = await shop(t, flags);
    for (const answered of await Promise.all(
      Array.from({ length: count }, (_, at) => order(at % 2 ? "apple" : "bread")),
    ))
      placed(answered);
    const begun = performance.now();
    placed(await order("apple"));
    assert.ok(performance.now() - begun < 5_000, "one alone waits for nobody's deadline");

    for (const ms of ["1", "4", "8"]) {
      const flood = Array.from({ length: 12 }, () => order("apple", { "x-request-timeout": ms }));
      placed(await order("apple"));
      await Promise.all(flood);
      placed(await order("apple"));
    }

    for (let at = 0; at < 10; at += 1) {
      const { status, body } = await ask(`/customers/${customerId}/orders?cursor=zzz`);
      assert.deepEqual([status, body["code"]], [400, "kit/invalid-request"]);
      assert.match(JSON.stringify(body["errors"]), /"field":"\/cursor"/);
    }
    assert.equal((await ask(`/customers/${customerId}/orders?limit=1`)).status, 200);

    const unknown = Array.from({ length: 100 }, (_, at) => ({ sku: `unknown-${String(at)}`, quantity: 1 }));
    const long = () => ask("/orders", { customerId, lines: unknown, paymentMethod: "card_ok" });
    const floods = Array.from({ length: 32 }, long);
    for (let at = 0; at < 5; at += 1) placed(await order("apple"));
    for (const { status, body } of await Promise.all(floods))
      assert.deepEqual([status, body["code"]], [404, "orders/unknown-product"]);
  });
}
