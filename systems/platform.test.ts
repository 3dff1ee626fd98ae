import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { mintToken } from "holdfast/access";
import { startPlatform } from "holdfast/cli";
import { systemRuntime } from "holdfast/runtime";
import { Client } from "pg";
import { systems } from "./systems.ts";

const [postgres, mongodb] = [process.env["HOLDFAST_TEST_POSTGRES"], process.env["HOLDFAST_TEST_MONGODB"]];
const required = process.env["HOLDFAST_REQUIRE_ENGINES"] === "1";
const skip =
  (postgres === undefined || mongodb === undefined) && !required
    ? "needs PostgreSQL and MongoDB: HOLDFAST_TEST_POSTGRES and HOLDFAST_TEST_MONGODB name no servers"
    : false;

test("the same platform runs on PostgreSQL and MongoDB: an order is placed, and confirmed", { skip }, async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-platform-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const database = `platform_${String(process.pid)}`;
  const admin = new Client(postgres);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  t.after(async () => {
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
    await admin.end();
  });
  const store = new URL(postgres ?? "");
  store.pathname = `/${database}`;
  const flags = ["--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`];
  const platform = await startPlatform({
    systems,
    args: [...flags, `--store=${store.href}`, `--documents=${mongodb ?? ""}/${database}`],
    env: {},
  });
  t.after(() => platform.stop(2_000));
  const ask = async (method: string, address: string, body?: object, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${platform.url}${address}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Proof: the platform answers with JSON objects.
    return { http: reply.status, ...((await reply.json()) as Readonly<Record<string, unknown>>) };
  };
  const { clock } = systemRuntime();
  assert.ok(platform.keys !== undefined);
  const token = await mintToken(platform.keys, { caller: { kind: "user", id: "ops", roles: ["operator"] }, clock });
  const operator = { authorization: `Bearer ${token}` };
  const price = { amount: 100, currency: "EUR" };
  const apple = await ask("PUT", "/stock/apple", { name: "Apple", price, quantity: 5 }, operator);
  assert.equal(apple.http, 200, JSON.stringify(apple));
  const customer = await ask("POST", "/customers", { name: "Ada", email: "ada@example.com" });
  assert.equal(customer.http, 201, JSON.stringify(customer));
  const order = await ask("POST", "/orders", {
    customerId: String(Reflect.get(customer, "customerId")),
    lines: [{ sku: "apple", quantity: 2 }],
    paymentMethod: "card_ok",
    reservation: "immediate",
  });
  assert.equal(order.http, 201, JSON.stringify(order));
  const address = `/orders/${String(Reflect.get(order, "orderId"))}`;
  const end = performance.now() + 10_000;
  while (Reflect.get(await ask("GET", address), "status") !== "confirmed") {
    assert.ok(performance.now() < end, "the order was never confirmed");
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  assert.equal(Reflect.get(await ask("GET", "/stock/apple"), "available"), 3);
});
