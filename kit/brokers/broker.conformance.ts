import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { describe, test } from "node:test";
import type { Broker, Delivery, Envelope, Producer } from "../messaging/index.ts";
import type { ControlledRuntime, Faults } from "../runtime/index.ts";

/** One broker under test, empty, with as many instances as a test wants. */
export interface BrokerRig extends AsyncDisposable {
  readonly runtime: ControlledRuntime;
  /** Another instance on the same messages, as another process would have it. Closed with the rig. */
  open(given?: { readonly faults?: Faults }): Promise<Broker>;
  /** A process of its own that subscribes and never finishes its first batch: resolves when it has one in hand. */
  readonly stuckProcess?: (at: { readonly group: string; readonly topic: string }) => Promise<{
    /** Ids of the batch in hand. */
    readonly ids: readonly string[];
    /** SIGKILL; resolves when it is gone. */
    kill(): Promise<void>;
  }>;
}

/** What a broker does in its own way; a text says why the tests of it do not apply. */
export interface BrokerTraits {
  /** `stuckProcess` is there. */
  readonly processes: true | string;
  /** Membership is a lease that ends by the clock of the runtime when it is not renewed. */
  readonly leases: true | string;
  /** `read` gives offsets. */
  readonly offsets: true | string;
}

const producer: Producer = { name: "orders/1", epoch: 1 };
const deadlineMs = 8_000;

/** Awaits a condition; fails by name. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) assert.fail(`It did not happen within ${String(deadlineMs)} ms: ${what}`);
    await pause(2);
  }
}

/** What every broker promises to relays and consumers. `skip` says why none of it can be tried here. */
export function brokerConformance(
  name: string,
  makeRig: () => Promise<BrokerRig>,
  { skip = false, ...traits }: BrokerTraits & { readonly skip?: string | false },
): void {
  const only = (trait: true | string) => (trait === true ? {} : { skip: trait });
  const topic = "order.created";

  describe(`broker ${name}`, { skip }, () => {
    test("an envelope arrives as it was sent, bytes and headers included", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const sent = [
        message(rig, topic, "a", { data: '{"x":1.0}' }),
        message(rig, topic, "a", { data: new Uint8Array([0, 255, 254, 7]), headers: { "x-foreign": "ä\n" } }),
        message(rig, topic, "ключ", { traceparent: "00-1-2-01", causationId: "cause", data: '"\u2028"' }),
      ];
      await broker.publish(producer, sent);
      const { got } = await collect(broker, "billing", topic);
      await eventually("three messages", () => got.length === 3);
      assert.deepEqual(got.map(plain), sent.map(plain));
    });

    test("messages of one key arrive in the order in which they were published", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const { got } = await collect(broker, "billing", topic, { batch: 7 });
      const sent = Array.from({ length: 200 }, (_, at) => message(rig, topic, `key-${String(at % 5)}`));
      for (let at = 0; at < sent.length; at += 20) await broker.publish(producer, sent.slice(at, at + 20));
      await eventually("200 messages", () => got.length >= sent.length);
      for (const key of new Set(sent.map((each) => each.key))) assert.deepEqual(idsOf(got, key), idsOf(sent, key));
    });

    test("a batch that is rejected comes again, and nothing overtakes it", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      let failures = 3;
      const taken: Envelope[] = [];
      await broker.subscribe({
        group: "billing",
        topic,
        batch: 3,
        deliver: (batch) => {
          if (failures > 0) {
            failures -= 1;
            return Promise.reject(new Error("not now"));
          }
          taken.push(...envelopesOf(batch));
          return Promise.resolve();
        },
      });
      const sent = Array.from({ length: 10 }, () => message(rig, topic, "a"));
      await broker.publish(producer, sent);
      await eventually("ten messages", () => taken.length >= sent.length);
      assert.deepEqual(idsOf(taken), idsOf(sent));
    });

    test("every group gets every message, and a new group begins with the earliest", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const sent = [message(rig, topic, "a"), message(rig, topic, "b")];
      await broker.ensure({ topics: [topic], groups: [{ group: "billing", topic }] });
      await broker.publish(producer, sent);
      const billing = await collect(broker, "billing", topic);
      const stock = await collect(await rig.open(), "stock", topic);
      await eventually("both groups have both", () => billing.got.length === 2 && stock.got.length === 2);
      const late = await collect(broker, "late", topic);
      await eventually("the late group has both", () => late.got.length === 2);
      assert.deepEqual(idsOf(late.got), idsOf(sent));
    });

    test("a topic's messages do not reach the subscribers of another", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const { got } = await collect(broker, "billing", "order.shipped");
      await broker.publish(producer, [message(rig, topic, "a"), message(rig, "order.shipped", "a")]);
      await eventually("one message", () => got.length === 1);
      assert.equal(got[0]?.type, "order.shipped");
    });

    test("two instances of a group are never at work at the same time, and share what there is without loss", async () => {
      await using rig = await makeRig();
      const [one, two] = [await rig.open(), await rig.open()];
      let active = 0;
      let most = 0;
      const taken = new Set<string>();
      const deliver = async (batch: readonly Delivery[]) => {
        active += 1;
        most = Math.max(most, active);
        await pause(1);
        for (const { id } of envelopesOf(batch)) taken.add(id);
        active -= 1;
      };
      const first = await one.subscribe({ group: "billing", topic, batch: 5, deliver });
      await two.subscribe({ group: "billing", topic, batch: 5, deliver });
      const sent = Array.from({ length: 60 }, () => message(rig, topic, "a"));
      await one.publish(producer, sent.slice(0, 30));
      await eventually("the first half", () => taken.size === 30);
      await first.close();
      await two.publish(producer, sent.slice(30));
      await eventually("the second half", () => taken.size === 60);
      assert.equal(most, 1);
    });

    test("close waits for the batch in hand and moves the position: the next instance does not get it again", async () => {
      await using rig = await makeRig();
      const [one, two] = [await rig.open(), await rig.open()];
      const hand = Promise.withResolvers<void>();
      let inHand = false;
      const first = await one.subscribe({
        group: "billing",
        topic,
        batch: 2,
        deliver: async () => {
          inHand = true;
          await hand.promise;
        },
      });
      const sent = Array.from({ length: 4 }, () => message(rig, topic, "a"));
      await one.publish(producer, sent);
      await eventually("a batch is in hand", () => inHand);
      let closed = false;
      const closing = first.close().then(() => (closed = true));
      const second = await collect(two, "billing", topic);
      await pause(20);
      assert.equal(closed, false);
      assert.equal(second.got.length, 0);
      hand.resolve();
      await closing;
      await eventually("the rest arrives", () => second.got.length >= 2);
      assert.deepEqual(idsOf(second.got), idsOf(sent.slice(2)));
    });

    test("what a killed process had in hand goes to the next instance", only(traits.processes), async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      assert.ok(rig.stuckProcess);
      const sent = Array.from({ length: 3 }, () => message(rig, topic, "a"));
      await broker.publish(producer, sent);
      const stuck = await rig.stuckProcess({ group: "billing", topic });
      const { got } = await collect(broker, "billing", topic);
      await broker.publish(producer, [message(rig, topic, "a")]);
      assert.deepEqual(stuck.ids, idsOf(sent));
      await pause(20);
      assert.equal(got.length, 0);
      await stuck.kill();
      await eventually("all four", () => got.length === 4);
      assert.deepEqual(idsOf(got).slice(0, 3), idsOf(sent));
    });

    test("an instance that cannot renew its lease is told, and another takes over", only(traits.leases), async () => {
      await using rig = await makeRig();
      const wedged = await rig.open({ faults: failingAt("lease:renewing") });
      const other = await rig.open();
      const signals: AbortSignal[] = [];
      const never = new Promise<void>(() => {});
      await wedged.subscribe({
        group: "billing",
        topic,
        batch: 10,
        deliver: async (_, signal) => {
          signals.push(signal);
          const aborted = new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => resolve());
          });
          await Promise.race([never, aborted]);
          throw new Error("given up");
        },
      });
      await wedged.publish(producer, [message(rig, topic, "a")]);
      await eventually("the wedged instance has it", () => signals.length === 1);
      const { got } = await collect(other, "billing", topic);
      await rig.runtime.advance(1_500);
      assert.equal(got.length, 0);
      await rig.runtime.advance(2_000);
      await eventually("the other one has it", () => got.length === 1);
      assert.equal(signals[0]?.aborted, true);
    });

    test("a producer of an older epoch is refused by every instance", async () => {
      await using rig = await makeRig();
      const [one, two] = [await rig.open(), await rig.open()];
      await one.publish({ name: "orders/1", epoch: 3 }, [message(rig, topic, "a")]);
      await assert.rejects(two.publish({ name: "orders/1", epoch: 2 }, [message(rig, topic, "a")]), {
        code: "kit/stale-epoch",
      });
      await two.publish({ name: "orders/1", epoch: 4 }, [message(rig, topic, "a")]);
      await two.publish({ name: "billing/1", epoch: 1 }, [message(rig, topic, "a")]);
      const { got } = await collect(one, "billing", topic);
      await eventually("three messages", () => got.length === 3);
    });

    test("a message of more than 1 MiB is refused by name, and nothing of that call is published", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const big = message(rig, topic, "a", { data: `"${"ü".repeat(600_000)}"` });
      await assert.rejects(broker.publish(producer, [message(rig, topic, "a"), big]), {
        code: "kit/message-too-large",
        message: new RegExp(big.id),
      });
      await broker.publish(producer, [message(rig, topic, "b")]);
      const { got } = await collect(broker, "billing", topic);
      await eventually("one message", () => got.length === 1);
      assert.equal(got[0]?.key, "b");
    });

    test("lag is what waits behind the group", async () => {
      await using rig = await makeRig();
      const broker = await rig.open();
      const gate = Promise.withResolvers<void>();
      const subscription = await broker.subscribe({ group: "billing", topic, batch: 2, deliver: () => gate.promise });
      await broker.publish(
        producer,
        Array.from({ length: 5 }, () => message(rig, topic, "a")),
      );
      assert.equal(await subscription.lag(), 5);
      gate.resolve();
      await eventually("no lag", async () => (await subscription.lag()) === 0);
    });

    test("publishers of several instances at once: each keeps its order, and nothing is lost", async () => {
      await using rig = await makeRig();
      const brokers = [await rig.open(), await rig.open()];
      const publish = async (broker: Broker, by: string) => {
        const sent = Array.from({ length: 100 }, () => message(rig, topic, by));
        const calls: Promise<void>[] = [];
        for (let at = 0; at < sent.length; at += 5) {
          calls.push(broker.publish({ name: by, epoch: 1 }, sent.slice(at, at + 5)));
          if (at % 25 === 0) await calls.at(-1);
        }
        await Promise.all(calls);
        return sent;
      };
      const sent = await Promise.all(
        brokers.flatMap((broker, at) => ["x", "y"].map((by) => publish(broker, `${by}${String(at)}`))),
      );
      const { got } = await collect(await rig.open(), "billing", topic);
      await eventually("all of them", () => got.length >= 400);
      for (const each of sent) assert.deepEqual(idsOf(got, each[0]?.key), idsOf(each));
    });

    test("offsets ascend without gaps, whoever publishes, also after a refusal", only(traits.offsets), async () => {
      await using rig = await makeRig();
      const [one, two] = [await rig.open(), await rig.open()];
      await one.publish(producer, [message(rig, topic, "a"), message(rig, topic, "b")]);
      await assert.rejects(one.publish({ ...producer, epoch: 0 }, [message(rig, topic, "a")]));
      await two.publish(producer, [message(rig, topic, "a")]);
      const all = await one.read(topic, 0, 10);
      assert.deepEqual(
        all.map(({ offset }) => offset - (all[0]?.offset ?? 0)),
        [0, 1, 2],
      );
      assert.equal((await one.read(topic, all[1]?.offset ?? 0, 10)).length, 1);
    });
  });
}

/** An envelope of a test. */
export const message = (
  { runtime }: Pick<BrokerRig, "runtime">,
  type: string,
  key: string,
  given: Partial<Envelope> = {},
): Envelope => ({
  id: runtime.ids.uuidv7(),
  source: "/orders",
  type,
  version: 1,
  key,
  time: new Date(runtime.clock.now()).toISOString(),
  correlationId: "correlation",
  causationId: undefined,
  traceparent: undefined,
  headers: {},
  data: "{}",
  ...given,
});

async function collect(broker: Broker, group: string, topic: string, { batch = 100 } = {}) {
  const got: Envelope[] = [];
  const subscription = await broker.subscribe({
    group,
    topic,
    batch,
    deliver: (deliveries) => {
      got.push(...envelopesOf(deliveries));
      return Promise.resolve();
    },
  });
  return { got, subscription };
}

const envelopesOf = (batch: readonly Delivery[]): readonly Envelope[] => batch.map(({ envelope }) => envelope);
const idsOf = (envelopes: readonly Envelope[], key?: string): readonly string[] =>
  envelopes.filter((each) => key === undefined || each.key === key).map(({ id }) => id);
const plain = (envelope: Envelope) => ({
  ...envelope,
  data: typeof envelope.data === "string" ? envelope.data : [...envelope.data],
});

const failingAt = (failing: string): Faults => ({
  at(point) {
    if (point === failing) throw new Error(`planted at ${point}`);
  },
  inFlight() {},
});
