import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Envelope } from "../messaging/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { snapshot, sql } from "./index.ts";
import { Slices } from "./slices.ts";

test("a request has its turn within a long batch of a slow consumer, all of which is taken in", async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-slices-"));
  const runtime = systemRuntime();
  let worked = 0;
  const spec = sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] });
  const store = await spec.open({
    name: "shop",
    url: `sqlite:${folder}`,
    durability: "none",
    runtime: { ...runtime, clock: { ...runtime.clock, monotonic: () => worked } },
    log: silentLogger,
    onFatal: () => {},
  });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const message = (): Envelope => ({
    id: runtime.ids.uuidv7(),
    source: "/shop",
    type: "noted",
    version: 1,
    key: "k",
    time: new Date(runtime.clock.now()).toISOString(),
    correlationId: "c",
    causationId: undefined,
    traceparent: undefined,
    headers: {},
    data: "{}",
  });
  let handled = 0;
  let request: Promise<number> | undefined;
  const takeIn = (onFirst: () => void) => {
    let first = true;
    return store.takeIn({
      subscription: "shop/noted",
      messages: Array.from({ length: 100 }, () => ({ envelope: message() })),
      intakeOnly: false,
      afterDeadLetter: "continue",
      handle() {
        worked += 5;
        handled += 1;
        if (first) onFirst();
        first = false;
        return Promise.resolve();
      },
      judge: () => ({ kind: "dead" }),
    });
  };
  const { key: _key, id: _id, time: _time, ...job } = message();
  assert.equal((await takeIn(() => {})).handled, 100);
  const second = await takeIn(() => {
    request = store
      .unit({
        label: "POST /",
        deadline: Number.POSITIVE_INFINITY,
        work(unit) {
          unit.enqueue({ ...job, subscription: "shop/job:x", dueAt: undefined });
          return Promise.resolve();
        },
      })
      .then(() => handled);
  });
  assert.equal(second.handled, 100);
  const before = (await request) ?? 0;
  assert.ok(before > 100 && before <= 104, `after ${String(before - 100)} messages`);
});

test("what a transaction takes follows what its messages cost, up at once twice and down at once", () => {
  const slices = new Slices();
  slices.took("s", 100, 8);
  assert.equal(slices.sizeFor("s"), Number.POSITIVE_INFINITY, "quick enough as it is");
  slices.took("s", 100, 500);
  assert.equal(slices.sizeFor("s"), 2);
  slices.took("s", 2, 1);
  assert.equal(slices.sizeFor("s"), 4);
  slices.took("s", 3, 1);
  assert.equal(slices.sizeFor("s"), 4, "a batch that was not full is no measure");
  slices.took("s", 1, 900);
  assert.equal(slices.sizeFor("s"), 1, "one is taken, whatever it costs");
  assert.equal(slices.sizeFor("other"), Number.POSITIVE_INFINITY);
});
