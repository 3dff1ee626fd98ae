import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { mintToken } from "holdfast/access";
import { startPlatform } from "holdfast/cli";
import { systemRuntime } from "holdfast/runtime";
import { kitMetrics, type Metric } from "holdfast/telemetry";
import { samplesOf, until, valueOf } from "holdfast/testing";
import { services, systems } from "./systems.ts";

const declared: readonly Metric[] = Object.values(kitMetrics);
const placed = 7;
const scheduled = services.some(({ jobs }) => jobs.some(({ options }) => options.schedule !== undefined));
/** What there is nothing of in these services, or on this machine. */
const absent = new Set([
  ...(scheduled ? [] : ["holdfast_schedule_ticks_total"]),
  ...(process.platform === "linux" ? [] : ["process_open_fds"]),
]);

test("a running platform exports every metric that is declared, under the names of the page, with the right values", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-metrics-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const args = ["--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`];
  const platform = await startPlatform({ systems, args, env: {} });
  t.after(() => platform.stop(2_000));
  const ask = (method: string, address: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${platform.url}${address}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  assert.ok(platform.keys !== undefined);
  const { clock } = systemRuntime();
  const token = await mintToken(platform.keys, { caller: { kind: "user", id: "ops", roles: ["operator"] }, clock });
  const price = { amount: 100, currency: "EUR" };
  const operator = { authorization: `Bearer ${token}` };
  assert.equal((await ask("PUT", "/stock/apple", { name: "Apple", price, quantity: 100 }, operator)).status, 200);
  const customer: unknown = await (await ask("POST", "/customers", { name: "Ada", email: "ada@example.com" })).json();
  assert.ok(typeof customer === "object" && customer !== null);
  const customerId: unknown = Reflect.get(customer, "customerId");
  const order = { customerId, lines: [{ sku: "apple", quantity: 1 }], paymentMethod: "card_ok" };
  for (let n = 0; n < placed; n += 1)
    assert.equal((await ask("POST", "/orders", order, { "idempotency-key": `key-${String(n)}` })).status, 201);
  assert.equal((await ask("POST", "/orders", { ...order, lines: [] })).status, 400);
  assert.equal((await ask("POST", "/nothing", {})).status, 404);

  const scrape = async (url = platform.url) => (await fetch(`${url}/metrics`)).text();
  const handled = (text: string, subscription: string) =>
    valueOf(text, "holdfast_consumer_messages_total", { subscription, outcome: "handled" });
  await until("every order was paid, and everybody heard of it", async () => {
    const text = await scrape();
    return (
      handled(text, "orders/order.paid") === placed &&
      handled(text, "notifications/order.paid") === placed &&
      valueOf(text, "holdfast_call_duration_seconds_count", { callee: "notifications", outcome: "ok" }) === placed &&
      valueOf(text, "holdfast_timers", { service: "orders" }) === placed
    );
  });
  const text = await scrape();
  const samples = samplesOf(text);
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
  assert.deepEqual([...types.keys()].toSorted(), declared.map(({ name }) => name).toSorted());
  for (const [name, type] of types) assert.equal(name.endsWith("_total"), type === "counter", name);
  const shown = new Set(samples.map(({ name }) => (types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""))));
  for (const { name, labels } of declared) {
    if (absent.has(name)) continue;
    assert.ok(shown.delete(name), `${name} has no value`);
    for (const sample of samples.filter((each) => each.name.startsWith(name)))
      assert.deepEqual(
        Object.keys(sample.labels)
          .filter((label) => label !== "le")
          .toSorted(),
        labels.toSorted(),
        name,
      );
  }
  assert.deepEqual([...shown], [], "nothing is exported that is not declared");
  const page = await readFile(path.join(import.meta.dirname, "../docs/reference/metrics.md"), "utf8");
  for (const name of types.keys()) assert.ok(page.includes(`| \`${name}\` |`), `${name} is not on the page`);

  const requests = (labels: Record<string, string>) =>
    valueOf(text, "holdfast_http_request_duration_seconds_count", labels);
  const orders = { service: "orders", method: "POST", route: "/orders" };
  assert.equal(requests({ ...orders, status: "2xx" }), placed);
  assert.equal(requests({ ...orders, status: "4xx" }), 1);
  assert.equal(requests({ service: "front-door", route: "(none)", status: "4xx" }), 1);
  assert.equal(valueOf(text, "holdfast_relay_published_total", { event: "order.created" }), placed);
  for (const consumer of ["inventory", "billing"]) assert.equal(handled(text, `${consumer}/order.created`), placed);
  assert.equal(valueOf(text, "holdfast_dead_letters"), 0);
  assert.equal(valueOf(text, "holdfast_scrape_failures_total"), 0);
  assert.ok((valueOf(text, "holdfast_unit_group_size_sum", { store: "orders" }) ?? 0) >= placed);
  for (const { url } of platform.addresses)
    assert.equal(valueOf(await scrape(url), "holdfast_relay_published_total", { event: "order.created" }), placed, url);
});
