import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { contracts, kitProblems, t } from "../contract/index.ts";
import { foreign, handled, makeRig, subscription, type Count } from "./fixtures/rig.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

test("what a unit publishes reaches its consumer, and leaves the outbox", async () => {
  await using rig = await makeRig();
  const [orders, billing, broker] = [await rig.store("orders"), await rig.store("billing"), await rig.broker()];
  rig.relay(orders, broker);
  await rig.consumer(billing, broker, [subscription()]);
  await rig.publish(orders, "a", 1, 2, 3);
  await eventually("three are handled", async () => (await handled(billing)).length === 3);
  assert.deepEqual(await handled(billing), [1, 2, 3]);
  await eventually("the outbox is empty", async () => (await orders.depths()).outbox === 0);
});

test("two instances of producer and consumer keep the order of every key while handlers fail", async () => {
  await using rig = await makeRig();
  const names = ["a", "b", "c"];
  const failing = (count: Count, attempt: number) => {
    if (count.count % 5 === 2 && attempt < 4) throw new Error("not yet");
  };
  const retry = { baseMs: 5, capMs: 20 };
  const stores = [];
  for (let instance = 0; instance < 2; instance += 1) {
    const [orders, billing, broker] = [await rig.store("orders"), await rig.store("billing"), await rig.broker()];
    rig.relay(orders, broker);
    await rig.consumer(billing, broker, [subscription(failing, { retry })]);
    stores.push({ orders, billing });
  }
  for (const count of upTo(20)) {
    for (const name of names) {
      const { orders } = stores[count % 2] ?? assert.fail();
      await rig.publish(orders, name, count);
    }
  }
  const { billing } = stores[0] ?? assert.fail();
  await eventually("all are handled", async () => (await handled(billing)).length === 60);
  for (const name of names) assert.deepEqual(await handled(billing, name), upTo(20));
  assert.equal((await billing.depths()).dead, 0);
});

test("a poison message holds up its own key only, ends as a dead letter with its bytes, and its key goes on", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const failing = ({ name, count }: Count) => {
    if (name === "a" && count === 1) throw new Error("poison");
  };
  await rig.consumer(billing, broker, [
    subscription(failing, {
      retry: { attempts: 4, baseMs: 60_000, capMs: 60_000 },
      effectKeys: (data) => [`charge:${JSON.stringify(data)}`],
    }),
  ]);
  const data = '{ "name":"a", "count": 1, "unknown": "\\u00e4" }';
  const poison = foreign(rig, { data, headers: { "x-foreign": "kept" }, traceparent: "00-1-2-01" });
  const of = (name: string, count: number) => foreign(rig, { key: name, data: JSON.stringify({ name, count }) });
  await broker.publish({ name: "foreign", epoch: 1 }, [poison, of("a", 2), of("b", 1), of("b", 2)]);
  await eventually("the other key is handled", async () => (await handled(billing, "b")).length === 2);
  assert.deepEqual(await handled(billing, "a"), []);
  await eventually("the key is handled after its dead letter", async () => {
    await rig.runtime.advance(61_000);
    return (await handled(billing, "a")).length === 1;
  });
  assert.deepEqual(await handled(billing, "a"), [2]);
  const [letter] = await billing.deadLetters({ limit: 10 });
  assert.deepEqual(letter?.envelope, poison);
  assert.equal(letter?.attempts, 4);
  assert.deepEqual(letter?.effectKeys, [`charge:${JSON.stringify(JSON.parse(data))}`]);
});

test("what can reach no handler is dead at once, with the reason as its code", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  await rig.consumer(billing, broker, [subscription()]);
  const bad = [
    [foreign(rig, { version: 2 }), "kit/unknown-message-version"],
    [foreign(rig, { data: "{" }), "kit/undecodable-message"],
    [foreign(rig, { data: new Uint8Array([0xff, 0x00]) }), "kit/undecodable-message"],
    [foreign(rig, { data: '{"name":"a"}' }), "kit/invalid-message"],
    [foreign(rig, { key: "b" }), "kit/message-key-mismatch"],
  ] as const;
  await broker.publish({ name: "foreign", epoch: 1 }, [...bad.map(([envelope]) => envelope), foreign(rig)]);
  await eventually("the good one is handled", async () => (await handled(billing)).length === 1);
  const letters = await billing.deadLetters({ limit: 10 });
  for (const [envelope, code] of bad) {
    const letter = letters.find((each) => each.envelope.id === envelope.id);
    assert.equal(letter?.code, code);
    assert.deepEqual(letter.envelope, envelope);
  }
});

test("a problem that says it is not retryable is dead after one attempt", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const refused = contracts("billing").problem("billing/refused", {
    status: 409,
    retryable: false,
    summary: "No",
    facts: t.Object({}),
  });
  let tried = 0;
  const refusing = () => {
    tried += 1;
    throw refused({});
  };
  await rig.consumer(billing, broker, [subscription(refusing)]);
  await broker.publish({ name: "foreign", epoch: 1 }, [foreign(rig)]);
  await eventually("it is dead", async () => (await billing.depths()).dead === 1);
  assert.equal(tried, 1);
  assert.equal((await billing.deadLetters({ limit: 1 }))[0]?.code, "billing/refused");
});

test("infrastructure that fails uses up no attempts: the consumer pauses, and goes on where it was", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const attempts: number[] = [];
  let down = 4;
  const failing = (_: Count, attempt: number) => {
    attempts.push(attempt);
    if (down > 0) {
      down -= 1;
      throw new Error("wrapped", { cause: kitProblems.unavailable({ reason: "test" }) });
    }
  };
  await rig.consumer(billing, broker, [subscription(failing, { retry: { attempts: 1 } })]);
  await broker.publish({ name: "foreign", epoch: 1 }, [foreign(rig)]);
  await eventually("it is handled", async () => {
    await rig.runtime.advance(1_000);
    return (await handled(billing)).length === 1;
  });
  assert.deepEqual(attempts, [1, 1, 1, 1, 1]);
  assert.deepEqual(await billing.depths(), { outbox: 0, parked: 0, timers: 0, dead: 0, inbox: 1 });
  const pauses = rig.log.entries.filter(({ event }) => event.startsWith("messages are not taken in"));
  assert.equal(pauses.length, 1);
});

test("when half of the messages fail the consumer pauses, and says so", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const failing = ({ count }: Count) => {
    if (count % 2 === 0) throw new Error("half of them");
  };
  await rig.consumer(billing, broker, [subscription(failing, { retry: { baseMs: 60_000_000, capMs: 60_000_000 } })]);
  const of = (count: number) => {
    const name = `key-${String(count)}`;
    return foreign(rig, { key: name, data: JSON.stringify({ name, count }) });
  };
  await broker.publish({ name: "foreign", epoch: 1 }, upTo(100).map(of));
  const paused = () => rig.log.entries.some(({ event }) => event.startsWith("half of the messages fail"));
  await eventually("the pause", paused);
  await broker.publish({ name: "foreign", epoch: 1 }, [of(101)]);
  assert.equal((await handled(billing)).length, 50);
  await rig.runtime.advance(1_100);
  await eventually("the pause is over", async () => (await handled(billing)).includes(101));
});

test("a prepare runs outside of the transaction, key by key in order, and what it gives reaches the handler", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const preparing = new Set<string>();
  const got: string[] = [];
  const base = subscription();
  await rig.consumer(billing, broker, [
    subscription(undefined, {
      retry: { baseMs: 1 },
      async prepare({ key }, data, attempt) {
        const count = data as Count; // Proof: validated against the contract.
        assert.ok(!preparing.has(key), "two of one key at once");
        preparing.add(key);
        await rig.runtime.timers.sleep(2);
        preparing.delete(key);
        if (count.count === 1 && attempt < 3) throw new Error("the world is not ready");
        return `${count.name}${String(count.count)}`;
      },
      async handle(envelope, data, attempt, unit, prepared) {
        got.push(String(prepared));
        await base.handle(envelope, data, attempt, unit, prepared);
      },
    }),
  ]);
  const of = (name: string, count: number) => foreign(rig, { key: name, data: JSON.stringify({ name, count }) });
  await broker.publish(
    { name: "foreign", epoch: 1 },
    upTo(4).flatMap((count) => [of("a", count), of("b", count)]),
  );
  await eventually("all are handled", async () => (await handled(billing)).length === 8);
  for (const name of ["a", "b"]) assert.deepEqual(await handled(billing, name), upTo(4));
  assert.deepEqual(
    got.toSorted((a, b) => a.localeCompare(b)),
    ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"],
  );
});

test("a prepare that takes longer than ten seconds is aborted and counts as an attempt", async () => {
  await using rig = await makeRig();
  const [billing, broker] = [await rig.store("billing"), await rig.broker()];
  const signals: AbortSignal[] = [];
  await rig.consumer(billing, broker, [
    subscription(undefined, {
      retry: { baseMs: 1, capMs: 1 },
      prepare: (_, __, attempt, { signal }) => {
        signals.push(signal);
        return attempt === 1 ? new Promise(() => {}) : Promise.resolve();
      },
    }),
  ]);
  await broker.publish({ name: "foreign", epoch: 1 }, [foreign(rig)]);
  await eventually("it is being prepared", () => signals.length === 1);
  await rig.runtime.advance(10_100);
  await eventually("the second attempt is handled", async () => (await handled(billing)).length === 1);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
});

test("drain finishes what is at work and leaves the rest for the next instance, which loses and doubles nothing", async () => {
  await using rig = await makeRig();
  const [orders, billing, broker] = [await rig.store("orders"), await rig.store("billing"), await rig.broker()];
  const relay = rig.relay(orders, broker);
  const consumer = await rig.consumer(billing, broker, [subscription()]);
  for (const count of upTo(30)) await rig.publish(orders, "a", count);
  await consumer.drain(rig.soon());
  await relay.drain(rig.soon());
  assert.equal((await orders.depths()).outbox, 0);
  assert.equal((await broker.read("counted", 0, 100)).length, 30);
  await rig.publish(orders, "a", 30);
  assert.equal((await orders.depths()).outbox, 1);
  rig.relay(orders, broker);
  await rig.consumer(billing, broker, [subscription()]);
  await eventually("all are handled", async () => (await handled(billing)).length === 31);
  assert.deepEqual(await handled(billing), upTo(31));
});
