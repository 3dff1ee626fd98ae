import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { ownTurn, type FaultPoint, type Faults } from "../runtime/index.ts";
import { foreign, makeRig, outgoing, withOwn } from "./fixtures/rig.ts";
import { brokerProblems, type Broker, type Envelope } from "./index.ts";

type Publish = Broker["publish"];

/** Throws once at each of the points. */
const failingOnce = (...points: readonly FaultPoint[]): Faults => {
  const left = new Set<string>(points);
  return {
    at(point) {
      if (left.delete(point)) throw new Error(`planted at ${point}`);
    },
    inFlight() {},
  };
};
const keep = () => {
  const published: Envelope[] = [];
  const publish: Publish = (_, messages) => {
    published.push(...messages);
    return Promise.resolve();
  };
  return { published, publish };
};
const dataOf = (published: readonly Envelope[], key = "a") =>
  published.filter((each) => each.key === key).map(({ data }) => Number(/"count":(\d+)/.exec(String(data))?.[1]));
const firsts = (counts: readonly number[]) => counts.filter((count, at) => counts.indexOf(count) === at);

test("while the broker fails the relay goes on trying, says so once, and publishes everything in order afterwards", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  let failures = 0;
  rig.relay(store, {
    publish: (producer, messages) => {
      if (failures === 4) return publish(producer, messages);
      failures += 1;
      return Promise.reject(brokerProblems.unavailable({ reason: "test" }));
    },
  });
  await rig.publish(store, "a", 0, 1);
  await rig.publish(store, "a", 2);
  await eventually("all are published", async () => {
    await rig.runtime.advance(1_000);
    return published.length >= 3;
  });
  assert.deepEqual(firsts(dataOf(published)), [0, 1, 2]);
  await eventually("the recovery is logged", () =>
    rig.log.entries.some(({ event }) => event === "the relay publishes again"),
  );
  assert.equal(rig.log.entries.filter(({ event }) => event.startsWith("the relay cannot publish")).length, 1);
  await eventually("the outbox is empty", async () => (await store.depths()).outbox === 0);
});

test("a row that is deleted while the relay reads anew is not published a second time", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  const [readAnew, deleted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = withOwn(store, {
    async outbox(after, limit) {
      const rows = await store.outbox(after, limit);
      if (published.length === 0 || rows.length === 0) return rows;
      readAnew.resolve();
      await deleted.promise;
      return rows;
    },
    async confirm(lease, seqs) {
      await readAnew.promise;
      await store.confirm(lease, seqs);
      // Once the relay has heard of it.
      setImmediate(deleted.resolve);
    },
  });
  const relay = rig.relay(slow, { publish });
  await rig.publish(store, "a", 0);
  await eventually("it has read anew, and the row is deleted", async () => {
    await rig.runtime.advance(250);
    return (await store.depths()).outbox === 0;
  });
  await relay.drain(rig.soon());
  assert.deepEqual(dataOf(published), [0]);
});

test("what is deleted already, behind a row that is not yet, is not published a second time", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  const patient = Promise.withResolvers<void>();
  let [reads, confirms] = [0, 0];
  const slow = withOwn(store, {
    outbox(after, limit) {
      if (after === 0) reads += 1;
      return store.outbox(after, limit);
    },
    async confirm(lease, seqs) {
      confirms += 1;
      if (confirms === 1) await patient.promise;
      await store.confirm(lease, seqs);
    },
  });
  const relay = rig.relay(slow, { publish });
  for (const count of [0, 1, 2]) {
    await rig.publish(store, "a", count);
    await eventually("it is published", () => published.length > count);
  }
  await eventually("all but the first are deleted", async () => (await store.depths()).outbox === 1);
  const before = reads;
  await eventually("it has read anew, and gone on", async () => {
    await rig.runtime.advance(250);
    return reads > before + 2;
  });
  patient.resolve();
  await rig.publish(store, "a", 3);
  await eventually("the next is published", () => dataOf(published).includes(3));
  await relay.drain(rig.soon());
  assert.deepEqual(dataOf(published), [0, 1, 2, 3]);
});

test("a message that can never be published holds its own key only; the others flow on", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  const relay = rig.relay(store, {
    publish: (producer, messages) => {
      const bad = messages.find(({ key, data }) => key === "a" && String(data).includes('"count":1'));
      if (bad === undefined) return publish(producer, messages);
      return Promise.reject(brokerProblems.messageTooLarge({ id: bad.id, bytes: 2, limit: 1 }));
    },
  });
  for (const count of [0, 1, 2]) {
    await rig.publish(store, "a", count);
    await rig.publish(store, "b", count);
  }
  await eventually("the other key is published", () => dataOf(published, "b").length === 3);
  await relay.drain(rig.soon());
  assert.deepEqual(dataOf(published), [0]);
  assert.equal((await store.depths()).outbox, 2);
  assert.ok(rig.log.entries.some(({ level, event }) => level === "critical" && event.includes("cannot be published")));
});

test("a failure at any step repeats messages at the most: none is lost, first arrivals stay in order", async () => {
  for (const point of ["relay:fetched", "relay:publishing", "relay:confirmed", "relay:deleted"] as const) {
    await using rig = await makeRig();
    const store = await rig.store("orders");
    const { published, publish } = keep();
    rig.relay(store, { publish }, { ...rig.runtime, faults: failingOnce(point) });
    for (const count of [0, 1, 2]) await rig.publish(store, "a", count);
    await eventually(`all are published in spite of ${point}`, async () => {
      await rig.runtime.advance(500);
      return firsts(dataOf(published)).length === 3 && (await store.depths()).outbox === 0;
    });
    assert.deepEqual(firsts(dataOf(published)), [0, 1, 2]);
  }
});

test("a relay whose publish hangs longer than its lease loses it: the next one publishes under a higher epoch", async () => {
  await using rig = await makeRig();
  const [one, two] = [await rig.store("orders"), await rig.store("orders")];
  const epochs: number[] = [];
  const hang = Promise.withResolvers<void>();
  rig.relay(
    one,
    {
      publish: ({ epoch }) => {
        epochs.push(epoch);
        return hang.promise;
      },
    },
    // Its renewals fail: it is cut off from its store's writer.
    { ...rig.runtime, timers: { ...rig.runtime.timers, every: () => ({ cancel: () => {} }) } },
  );
  await rig.publish(one, "a", 0);
  await eventually("the first one publishes", () => epochs.length === 1);
  const { published, publish } = keep();
  rig.relay(two, {
    publish: (producer, messages) => {
      epochs.push(producer.epoch);
      return publish(producer, messages);
    },
  });
  await rig.runtime.advance(1_000);
  assert.equal(published.length, 0);
  await rig.runtime.advance(4_000);
  await eventually("the second one publishes", () => published.length === 1);
  assert.deepEqual(epochs, [1, 2]);
  hang.resolve();
  await eventually("the row is deleted by the second one", async () => (await two.depths()).outbox === 0);
});

test("a relay that a broker has fenced takes a new epoch until it is let in again", async () => {
  await using rig = await makeRig();
  const [store, broker] = [await rig.store("orders"), await rig.broker()];
  // The store was restored from a backup: the broker has seen later epochs.
  await broker.publish({ name: `orders/${store.id}`, epoch: 3 }, [foreign(rig, { type: "other" })]);
  rig.relay(store, broker);
  await rig.publish(store, "a", 0);
  await eventually("it is published", async () => {
    await rig.runtime.advance(200);
    return (await broker.read("counted", 0, 10)).length === 1;
  });
});

test("drain gives up at its deadline when the broker hangs, and leaves the rows", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  let asked = false;
  const relay = rig.relay(store, {
    publish: () => {
      asked = true;
      return new Promise(() => {});
    },
  });
  await rig.publish(store, "a", 0);
  await eventually("it publishes", () => asked);
  await relay.drain(rig.runtime.clock.monotonic() + 20);
  assert.equal((await store.depths()).outbox, 1);
  assert.notEqual(await store.lease("relay", "next", 3_000), undefined);
});

test("an instance without the lease ends its drain at once, however long it may take", async () => {
  await using rig = await makeRig();
  const [one, two] = [await rig.store("orders"), await rig.store("orders")];
  const { publish } = keep();
  rig.relay(one, { publish });
  await rig.publish(one, "a", 0);
  await eventually("the first one has the lease", async () => (await one.depths()).outbox === 0);
  let refused = 0;
  const counting = withOwn(two, {
    async lease(...asked) {
      const lease = await two.lease(...asked);
      if (lease === undefined) refused += 1;
      return lease;
    },
  });
  const standby = rig.relay(counting, { publish });
  await eventually("the second one is refused the lease", () => refused === 1);
  const deadline = rig.runtime.clock.monotonic() + 2_000;
  await standby.drain(deadline);
  assert.ok(rig.runtime.clock.monotonic() < deadline, "it waited for its deadline");
  assert.ok(refused <= 2, `it asked ${String(refused)} times`);
});

test("while published rows cannot be deleted the relay backs off, also when there is always more to publish", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  let seq = 0;
  const endless = withOwn(store, {
    async outbox() {
      await ownTurn();
      seq += 1;
      const time = new Date(rig.runtime.clock.now()).toISOString();
      return [{ seq, envelope: { ...outgoing("a", seq), id: rig.runtime.ids.uuidv7(), time } }];
    },
    confirm: () => Promise.reject(new Error("no deletions")),
    lease: () => Promise.resolve({ name: "relay", epoch: 1 }),
    release: () => Promise.resolve(),
  });
  const relay = rig.relay(endless, { publish });
  await eventually("the first row is published", () => published.length > 0);
  for (let ms = 0; ms < 10_000; ms += 10) await rig.runtime.advance(10);
  assert.ok(published.length < 100, `${String(published.length)} rows in ten seconds`);
  await relay.drain(rig.runtime.clock.monotonic());
});

test("a lease that cannot be released is logged, and the relay ends all the same", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  const stubborn = withOwn(store, { release: () => Promise.reject(new Error("no releases")) });
  const relay = rig.relay(stubborn, { publish });
  await rig.publish(store, "a", 0);
  await eventually("it is published", () => published.length === 1);
  await relay.drain(rig.soon());
  const told = rig.log.entries.filter(({ event }) => event === "the relay could not release its lease");
  assert.equal(told.length, 1);
});

test("what could not be deleted when a drain began is published again and deleted before the drain ends", async () => {
  await using rig = await makeRig();
  const store = await rig.store("orders");
  const { published, publish } = keep();
  const draining = Promise.withResolvers<void>();
  let failed = false;
  const looks: number[] = [];
  const failing = withOwn(store, {
    outbox(after, limit) {
      looks.push(after);
      return store.outbox(after, limit);
    },
    async confirm(lease, seqs) {
      if (failed) return store.confirm(lease, seqs);
      failed = true;
      await draining.promise;
      throw new Error("no deletions yet");
    },
  });
  const relay = rig.relay(failing, { publish });
  await rig.publish(store, "a", 0);
  await eventually("it is published", () => published.length === 1);
  // Begun anew once, and gone on behind the row.
  await eventually("it has nothing to do", () => looks.filter((after) => after === 0).length > 1 && looks.at(-1) !== 0);
  const drained = relay.drain(rig.soon());
  draining.resolve();
  await drained;
  assert.equal((await store.depths()).outbox, 0);
  assert.deepEqual(dataOf(published), [0, 0]);
});
