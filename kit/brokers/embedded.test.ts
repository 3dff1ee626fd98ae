import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { controlledRuntime, type Faults } from "../runtime/index.ts";
import { memoryLogger } from "../telemetry/index.ts";
import { brokerConformance, eventually, message, type BrokerRig } from "./broker.conformance.ts";
import { embeddedBroker, type EmbeddedBroker, type EmbeddedOptions } from "./index.ts";

interface EmbeddedRig extends BrokerRig {
  readonly file: string;
  readonly log: ReturnType<typeof memoryLogger>;
  open(given?: { readonly faults?: Faults } & Partial<EmbeddedOptions>): Promise<EmbeddedBroker>;
}

async function makeRig(): Promise<EmbeddedRig> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-broker-"));
  const file = path.join(folder, "broker.db");
  const runtime = controlledRuntime();
  const log = memoryLogger();
  const opened: EmbeddedBroker[] = [];
  const children: ReturnType<typeof fork>[] = [];
  return {
    file,
    log,
    runtime,
    async open({ faults = runtime.faults, ...rest } = {}) {
      const broker = await embeddedBroker({ file, durability: "none", runtime: { ...runtime, faults }, log, ...rest });
      opened.push(broker);
      return broker;
    },
    async stuckProcess({ group, topic }) {
      const child = fork(path.join(import.meta.dirname, "fixtures/stuck-member.ts"), [file, group, topic]);
      children.push(child);
      const ids = await new Promise<unknown>((resolve) => {
        child.once("message", resolve);
      });
      assert.ok(Array.isArray(ids));
      return {
        ids: ids.map(String),
        async kill() {
          const gone = once(child, "exit");
          child.kill("SIGKILL");
          await gone;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(opened.map((broker) => broker.close()));
      await rm(folder, { recursive: true });
    },
  };
}

brokerConformance("embedded", makeRig, { processes: true, leases: true, offsets: true });

const producer = { name: "orders/1", epoch: 1 };
const topic = "order.created";

test("a full log refuses with kit/broker-full, keeps what it has, and takes more when there is room", async () => {
  await using rig = await makeRig();
  const small = await rig.open({ maxBytes: 400_000 });
  const data = `"${"x".repeat(20_000)}"`;
  let published = 0;
  await assert.rejects(
    async () => {
      for (; published < 100; published += 1) await small.publish(producer, [message(rig, topic, "a", { data })]);
    },
    { code: "kit/broker-full", retryable: true },
  );
  assert.equal((await small.read(topic, 0, 1_000)).length, published);
  const larger = await rig.open({ maxBytes: 800_000 });
  await larger.publish(producer, [message(rig, topic, "a", { data })]);
  assert.equal((await larger.read(topic, 0, 1_000)).length, published + 1);
});

test("trim drops what every group has passed and retention is over for, and nothing else", async () => {
  await using rig = await makeRig();
  const broker = await rig.open();
  const week = 7 * 24 * 60 * 60_000;
  const now = rig.runtime.clock.now();
  await broker.ensure({ topics: [topic], groups: [{ group: "late", topic }] });
  await broker.publish(producer, [message(rig, topic, "a"), message(rig, "other", "a")]);
  const count = async (of: string) => (await broker.read(of, 0, 10)).length;
  await broker.trim(now + week - 60_000);
  assert.deepEqual([await count(topic), await count("other")], [1, 1]);
  await broker.trim(now + week + 60_000);
  assert.deepEqual([await count(topic), await count("other")], [1, 0]);
  const subscription = await broker.subscribe({ group: "late", topic, batch: 10, deliver: () => Promise.resolve() });
  await eventually("the group has passed it", async () => (await subscription.lag()) === 0);
  await subscription.close();
  await broker.trim(now + week + 60_000);
  assert.equal(await count(topic), 0);
  await broker.publish(producer, [message(rig, topic, "a")]);
  assert.equal((await broker.read(topic, 0, 10))[0]?.offset, 3);
});

test("what was appended while the clock was ahead is trimmed a week after it was noticed, and holds up nothing else", async () => {
  await using rig = await makeRig();
  const broker = await rig.open();
  const week = 7 * 24 * 60 * 60_000;
  const { clock } = rig.runtime;
  const ahead = controlledRuntime({ now: clock.now() + 520 * week });
  const open = { file: rig.file, durability: "none", log: memoryLogger() } as const;
  const wrong = await embeddedBroker({ ...open, runtime: ahead });
  await wrong.publish(producer, [message(rig, topic, "a")]);
  await wrong.close();
  await broker.publish(producer, [message(rig, topic, "a")]);
  const count = async () => (await broker.read(topic, 0, 10)).length;
  await broker.trim(clock.now());
  assert.equal(await count(), 2);
  await broker.trim(clock.now() + week + 60_000);
  assert.equal(await count(), 0);
});

test("a message whose id, source, type, key or correlation id is longer than 1,024 bytes is refused, as no store could index it", async () => {
  await using rig = await makeRig();
  const broker = await rig.open();
  const long = "é".repeat(513);
  for (const odd of [{ id: long }, { source: long }, { key: long }, { correlationId: long }])
    await assert.rejects(broker.publish(producer, [{ ...message(rig, topic, "a"), ...odd }]), {
      code: "kit/message-attribute-too-long",
    });
  await broker.publish(producer, [{ ...message(rig, topic, "a"), key: "é".repeat(512) }]);
  assert.equal((await broker.read(topic, 0, 10)).length, 1);
});

test("a fenced publish among others of the same turn of the event loop fails alone", async () => {
  await using rig = await makeRig();
  const broker = await rig.open();
  await broker.publish({ name: "fenced", epoch: 2 }, [message(rig, topic, "a")]);
  const results = await Promise.allSettled([
    broker.publish(producer, [message(rig, topic, "a")]),
    broker.publish({ name: "fenced", epoch: 1 }, [message(rig, topic, "a")]),
    broker.publish(producer, [message(rig, topic, "a")]),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal((await broker.read(topic, 0, 10)).length, 3);
});

test("a publish that fails before its commit leaves nothing; one that fails after it may be repeated", async () => {
  await using rig = await makeRig();
  for (const [point, left] of [
    ["broker:appending", 0],
    ["broker:appended", 1],
  ] as const) {
    let armed = true;
    const broker = await rig.open({
      faults: {
        at(at) {
          if (at === point && armed) throw new Error("planted");
        },
        inFlight() {},
      },
    });
    const sent = message(rig, point, "a");
    await assert.rejects(broker.publish(producer, [sent]));
    assert.equal((await broker.read(point, 0, 10)).length, left);
    armed = false;
    await broker.publish(producer, [sent]);
    assert.equal((await broker.read(point, 0, 10)).length, left + 1);
  }
});

test("a closed broker refuses to publish", async () => {
  await using rig = await makeRig();
  const broker = await rig.open();
  await broker.close();
  await assert.rejects(broker.publish(producer, [message(rig, topic, "a")]), { code: "kit/unavailable" });
});
