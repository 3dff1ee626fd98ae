import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRuntime } from "../runtime/index.ts";
import { until } from "../testing/index.ts";
import { collector } from "./fixtures/collector.ts";
import { memoryLogger, otlpTracing, type Spans } from "./index.ts";

const runtime = systemRuntime();
const quick = { runtime, everyMs: 10, deliveryMs: 200 };
const show = (spans: Spans, name: string) => {
  const span = spans.start(name, { kind: "internal", parent: undefined });
  span.end();
  return span.context;
};

test("what has ended is delivered at the close, under the name of its service", async (t) => {
  const { url, received, close } = await collector();
  t.after(close);
  const tracing = await otlpTracing({ ...quick, url: `${url}/`, log: memoryLogger(), everyMs: 60_000 });
  const one = show(tracing.of("orders"), "one");
  const two = show(tracing.of("billing"), "two");
  tracing.of("orders").start("never ended", { kind: "internal", parent: undefined });
  await tracing.close(2_000);
  assert.deepEqual(received, [
    { service: "orders", name: "one", traceId: one.traceId, spanId: one.spanId, parentId: "" },
    { service: "billing", name: "two", traceId: two.traceId, spanId: two.spanId, parentId: "" },
  ]);
});

test("a collector that cannot be reached is told of once, and once that it is back", async (t) => {
  const before = await collector();
  await before.close();
  const log = memoryLogger();
  const tracing = await otlpTracing({ ...quick, url: before.url, log });
  const spans = tracing.of("orders");
  const told = () => log.entries.map(({ level }) => level);
  show(spans, "lost");
  await until("the first loss is told", () => told().length === 1);
  show(spans, "lost as well");
  const after = await collector({ port: Number(new URL(before.url).port) });
  t.after(after.close);
  await until("the return is told", () => {
    show(spans, "again");
    return told().length > 1;
  });
  assert.deepEqual(told(), ["warn", "info"]);
  assert.ok(after.received.every(({ name }) => name !== "lost"));
  await tracing.close(2_000);
});

test("a collector that never answers holds a bounded number of spans, and no close beyond its time", async (t) => {
  const gate = Promise.withResolvers<void>();
  const { url, received, close } = await collector({ gate: gate.promise });
  t.after(close);
  const tracing = await otlpTracing({ ...quick, url, log: memoryLogger(), deliveryMs: 1_000 });
  const spans = tracing.of("orders");
  for (let number = 0; number < 20_000; number += 1) show(spans, "one of many");
  await tracing.close(20);
  gate.resolve();
  await until("all that was kept has come", () => received.length >= 4_096);
  assert.ok(received.length <= 4_096 + 512, `${String(received.length)} spans were kept`);
});
