import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { kitProblems } from "../contract/index.ts";
import { makeRig, outgoing, withOwn } from "./fixtures/rig.ts";
import { startSchedules, type ScheduledJob } from "./schedules.ts";

const everyMinute: ScheduledJob = {
  name: "billing/job:count",
  pattern: "* * * * *",
  jobOf: (tick) => ({ ...outgoing("a", tick), subscription: "billing/job:count", dueAt: undefined }),
};

test("of two instances one enqueues each tick, and ticks that passed while the store failed come as one", async () => {
  await using rig = await makeRig();
  // It stands still unless the test moves it.
  const runtime = controlledRuntime({ flowing: false });
  const store = await rig.store("billing", runtime);
  let [down, asks] = [false, 0];
  const failing = withOwn(store, {
    nextTick(...asked) {
      if (!down) return store.nextTick(...asked);
      asks += 1;
      return Promise.reject(kitProblems.unavailable({ reason: "test" }));
    },
  });
  const given = { store: failing, runtime, log: rig.log, schedules: [everyMinute] };
  const instances = [startSchedules(given), startSchedules(given)];
  const jobs = async () => (await store.depths()).parked;
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 500) {
      await runtime.advance(500);
      // The instances' own questions are answered by then.
      await store.nextDue();
    }
  };
  await pass(120_000);
  await eventually("two ticks are enqueued", async () => (await jobs()) === 2);
  down = true;
  await pass(180_000);
  assert.equal(await jobs(), 2);
  assert.ok(asks > 6 && asks < 120, `two instances asked ${String(asks)} times in three minutes`);
  assert.equal(rig.log.entries.filter(({ event }) => event.startsWith("a schedule cannot be read")).length, 2);
  down = false;
  await pass(31_000);
  await eventually("what passed is enqueued", async () => (await jobs()) === 3);
  await Promise.all(instances.map((instance) => instance.stop()));
});
