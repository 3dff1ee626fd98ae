import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
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
  let tries = 0;
  const down = createServer((socket) => {
    tries += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(down, "listening");
  // Proof: it listens on a port, not on a pipe.
  const { port } = down.address() as AddressInfo;
  const log = memoryLogger();
  const tracing = await otlpTracing({ ...quick, url: `http://127.0.0.1:${String(port)}`, log });
  const spans = tracing.of("orders");
  const told = () => log.entries.map(({ level }) => level);
  await until("three deliveries have failed", () => {
    show(spans, "lost");
    return tries > 3;
  });
  await new Promise((resolve) => {
    down.close(resolve);
  });
  const back = await collector({ port });
  t.after(back.close);
  await until("the return is told", () => {
    show(spans, "again");
    return told().includes("info");
  });
  assert.deepEqual(told(), ["warn", "info"]);
  assert.ok(back.received.some(({ name }) => name === "again"));
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
