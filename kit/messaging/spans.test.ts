import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { recorded } from "../telemetry/fixtures/recorded.ts";
import { formatTraceparent, type Spans } from "../telemetry/index.ts";
import type { Batch, Envelope, Store, Unit } from "./index.ts";
import { failureOf, showsIntake, showsSending } from "./spans.ts";

// What a store or a broker does to messages seldom, done here at once: the wrappers must show it as it was.

const envelopeIn = (spans: Spans): Envelope => {
  const span = spans.start("create noted", { kind: "producer", parent: undefined });
  span.end();
  return {
    id: "m1",
    source: "/notes",
    type: "noted",
    version: 1,
    key: "red",
    time: "2030-01-01T00:00:00Z",
    correlationId: "c1",
    causationId: undefined,
    traceparent: formatTraceparent(span.context),
    headers: {},
    data: "{}",
  };
};
const batchOf = (envelope: Envelope): Batch<object> => ({
  subscription: "tally/noted",
  messages: [{ envelope }],
  intakeOnly: false,
  afterDeadLetter: "continue",
  handle: () => Promise.resolve(),
  judge: () => ({ kind: "dead" }),
});
const unit: Unit<object> = { access: {}, publish: () => {}, enqueue: () => {} };
const result = { handled: 1, duplicates: 0, parked: 0, dead: 0, discarded: 0 };
const storeThat = (takeIn: (batch: Batch<object>) => Promise<typeof result>): Pick<Store<object>, "takeIn"> => ({
  takeIn,
});

test("a transaction that runs again shows its messages as rolled back, and then as handled", async () => {
  const { tracing, tree } = await recorded();
  const spans = tracing.of("tally");
  const envelope = envelopeIn(spans);
  const conflicting = storeThat(async ({ handle }) => {
    await handle(envelope, 1, unit);
    await handle(envelope, 1, unit);
    return result;
  });
  await showsIntake(conflicting, spans).takeIn(batchOf(envelope));
  assert.deepEqual(tree(), [
    "create noted (tally)",
    "  process noted (tally) rolled-back",
    "  process noted (tally) handled",
  ]);
});

test("a message that was handled and not committed has failed, with the store's code", async () => {
  const { tracing, tree } = await recorded();
  const spans = tracing.of("tally");
  const envelope = envelopeIn(spans);
  const full = storeThat(async ({ handle }) => {
    await handle(envelope, 1, unit);
    throw kitProblems.unavailable({ reason: "The store could not commit." });
  });
  await assert.rejects(showsIntake(full, spans).takeIn(batchOf(envelope)));
  assert.deepEqual(tree(), ["create noted (tally)", "  process noted (tally) kit/unavailable"]);
});

test("an error that reaches the store as another one is shown as the handler threw it", async () => {
  const { tracing, tree } = await recorded();
  const spans = tracing.of("tally");
  const envelope = envelopeIn(spans);
  const wrapping = storeThat(async ({ handle, judge }) => {
    await assert.rejects(handle(envelope, 1, unit));
    judge(new Error("wrapped"), 1);
    return result;
  });
  const batch = { ...batchOf(envelope), handle: () => Promise.reject(new RangeError("not that many")) };
  await showsIntake(wrapping, spans).takeIn(batch);
  assert.deepEqual(tree(), ["create noted (tally)", "  process noted (tally) RangeError"]);
});

test("a message that the broker did not take is shown, and shown again when it did", async () => {
  const { tracing, tree } = await recorded();
  const spans = tracing.of("notes");
  const envelope = envelopeIn(spans);
  let down = true;
  const broker = {
    publish: () => (down ? Promise.reject(kitProblems.unavailable({ reason: "The log is gone." })) : Promise.resolve()),
  };
  const shown = showsSending(broker, spans);
  const producer = { name: "notes/1", epoch: 1 };
  await assert.rejects(shown.publish(producer, [envelope]));
  down = false;
  await shown.publish(producer, [envelope, { ...envelope, traceparent: undefined }]);
  assert.deepEqual(tree(), ["create noted (notes)", "  send noted (notes) kit/unavailable", "  send noted (notes)"]);
});

test("what failed is named by a code, never by a text", () => {
  const secret = "password is hunter2";
  assert.equal(failureOf(new Error("x", { cause: kitProblems.overloaded({}) })), "kit/overloaded");
  assert.equal(failureOf(Object.assign(new Error(secret), { code: "ECONNREFUSED" })), "ECONNREFUSED");
  assert.equal(failureOf(Object.assign(new Error(secret), { code: secret })), "Error");
  assert.equal(failureOf(Object.assign(new Error(secret), { code: 7, name: secret })), "_OTHER");
  assert.equal(failureOf(secret), "_OTHER");
});
