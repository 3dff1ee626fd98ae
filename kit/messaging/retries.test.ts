import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { foreign, handled, makeRig, subscription, withOwn, type CountStore } from "./fixtures/rig.ts";
import { startRetries } from "./retries.ts";
import { subscriberOf } from "./subscription.ts";

/** A store with a parked message of each key, on a clock that stands still unless a test moves it. */
async function begin(...keys: readonly string[]) {
  const runtime = controlledRuntime({ flowing: false });
  const rig = await makeRig();
  const store = await rig.store("billing", runtime);
  const { log } = rig;
  const subscriber = subscriberOf(subscription(), { runtime, log });
  await store.takeIn({
    subscription: subscriber.subscription.name,
    messages: keys.map((name, count) => ({
      envelope: foreign({ runtime }, { key: name, data: JSON.stringify({ name, count }) }),
    })),
    intakeOnly: true,
    afterDeadLetter: "continue",
    handle: () => Promise.reject(new Error("it is only taken in")),
    judge: () => ({ kind: "dead" }),
  });
  return {
    runtime,
    store,
    log,
    start: (over: CountStore) => startRetries({ store: over, runtime, log, owner: "one", subscribers: [subscriber] }),
    /** Moves the clock by steps, between which what was asked of the store is answered. */
    async pass(ms: number) {
      for (let at = 0; at < ms; at += 100) await runtime.advance(100);
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}
const unavailable = () => Promise.reject(kitProblems.unavailable({ reason: "test" }));

test("while parked messages cannot be read they are asked for less and less often, and are worked off afterwards", async () => {
  await using given = await begin("a", "b");
  const { runtime, store, log } = given;
  let [down, asks] = [true, 0];
  const retries = given.start(
    withOwn(store, {
      due(...asked) {
        if (!down) return store.due(...asked);
        asks += 1;
        return unavailable();
      },
    }),
  );
  await given.pass(120_000);
  assert.ok(asks > 3 && asks < 60, `${String(asks)} times in two minutes`);
  assert.equal(log.entries.filter(({ event }) => event === "parked messages cannot be read").length, 1);
  down = false;
  await eventually("both are handled", async () => {
    await runtime.advance(1_000);
    return (await handled(store)).length === 2;
  });
  await retries.drain(runtime.clock.monotonic());
});

test("a parked message that the store cannot work off rests longer and longer, and holds up no other key", async () => {
  await using given = await begin("a", "b");
  const { runtime, store, log } = given;
  let [down, tries] = [true, 0];
  const retries = given.start(
    withOwn(store, {
      retry(parked, how) {
        if (!down || parked.envelope.key !== "a") return store.retry(parked, how);
        tries += 1;
        return unavailable();
      },
    }),
  );
  await eventually("the other key is handled", async () => {
    await runtime.advance(100);
    return (await handled(store, "b")).length === 1;
  });
  tries = 0;
  for (let round = 0; round < 240; round += 1) {
    await runtime.advance(500);
    // Rows are read by the store's own connection, which takes a turn of the event loop or two.
    await store.nextDue();
  }
  assert.ok(tries > 3 && tries < 60, `${String(tries)} times in two minutes`);
  assert.equal(log.entries.filter(({ event }) => event.startsWith("a parked message has to wait")).length, 1);
  down = false;
  await eventually("it is handled", async () => {
    await runtime.advance(1_000);
    return (await handled(store, "a")).length === 1;
  });
  assert.deepEqual(await store.depths(), { outbox: 0, parked: 0, timers: 0, dead: 0, inbox: 2 });
  await retries.drain(runtime.clock.monotonic());
});
