import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import {
  foreign,
  handled,
  makeRig,
  subscription,
  withOwn,
  type Count,
  type CountStore,
  type Rig,
} from "./fixtures/rig.ts";
import type { Delivery } from "./index.ts";
import { intakeOf } from "./intake.ts";
import { subscriberOf } from "./subscription.ts";

/** Time stands still unless a test moves it. */
const runtime = controlledRuntime({ flowing: false });

function deliverTo(store: CountStore, { log }: Rig, before?: (count: Count) => void) {
  const stopping = new AbortController();
  const deliver = intakeOf({
    store,
    runtime,
    log,
    subscriber: subscriberOf(subscription(before, { retry: { baseMs: 60_000, capMs: 60_000 } }), { runtime, log }),
    stopping: stopping.signal,
  });
  return (...batch: readonly Delivery[]) => deliver(batch, stopping.signal);
}

const delivery = (count: number): Delivery => {
  const name = `key-${String(count)}`;
  return {
    envelope: foreign({ runtime }, { key: name, data: JSON.stringify({ name, count }) }),
    position: String(count),
  };
};
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

test("a store that fails ten times in a row is no fault of the batch: all of it is handled, nothing is dead", async () => {
  await using rig = await makeRig();
  const store = await rig.store("billing", runtime);
  let outages = 10;
  const failing = withOwn(store, {
    takeIn(batch) {
      if (outages === 0) return store.takeIn(batch);
      outages -= 1;
      return Promise.reject(kitProblems.unavailable({ reason: "test" }));
    },
  });
  let delivered = false;
  const delivering = deliverTo(failing, rig)(...upTo(3).map(delivery)).then(() => (delivered = true));
  await eventually("the batch is taken in", async () => {
    await runtime.advance(30_000);
    return delivered;
  });
  await delivering;
  assert.deepEqual(await handled(store), [0, 1, 2]);
  assert.deepEqual(await store.depths(), { outbox: 0, parked: 0, timers: 0, dead: 0, inbox: 3 });
});

test("after a batch of which half failed the next one is taken in when the pause is over, and not before", async () => {
  await using rig = await makeRig();
  const store = await rig.store("billing", runtime);
  let batches = 0;
  const counting = withOwn(store, {
    takeIn(batch) {
      batches += 1;
      return store.takeIn(batch);
    },
  });
  const deliver = deliverTo(counting, rig, ({ count }) => {
    if (count % 2 === 0) throw new Error("half of them");
  });
  await deliver(...upTo(100).map(delivery));
  const next = deliver(delivery(101));
  await runtime.advance(999);
  assert.equal(batches, 1, "the next batch came during the pause");
  await runtime.advance(1);
  await next;
  assert.equal((await handled(store)).length, 51);
});
