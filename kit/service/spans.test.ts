import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as onDocuments from "../documents/fixtures/notes.ts";
import { find, recorded, traceOf, type Recorded } from "../telemetry/fixtures/recorded.ts";
import { start, until, type StartOptions, type TestSystem } from "../testing/index.ts";
import { Ask, errands } from "./fixtures/errands.ts";
import * as onSql from "./fixtures/notes.ts";

const { Noted, TakeNote } = onSql;
const stores = [
  { name: "sql", ...onSql },
  { name: "documents", ...onDocuments },
];
const options = ({ runtime, tracing }: Recorded): StartOptions => ({ runtime, tracing });
const take = (system: TestSystem, failures = 0) =>
  system.call(TakeNote, { body: { topic: "red", number: 1, failures } });
const ask = (system: TestSystem, given: { fail?: boolean; failures?: number } = {}) =>
  system.call(Ask, { body: { name: "bread", failures: 0, afterMs: 0, fail: false, ...given } });
const dead = async (system: TestSystem, service: string) =>
  system.service(service).store.deadLetters({ limit: 10, state: "dead" });
const taken = ["POST /notes (notes)", "  run (notes)", "    create noted (notes)", "      send noted (notes)"];

for (const { name, notes, tally } of stores) {
  test(`${name}: a request and what its message leads to are one trace`, async () => {
    const shown = await recorded();
    await using system = await start([notes, tally()], options(shown));
    await take(system);
    await system.settled();
    assert.deepEqual(shown.tree(), [...taken, "      process noted (tally) handled"]);
    const [create, send, process] = ["create noted", "send noted", "process noted"].map((span) =>
      find(shown.spans(), span),
    );
    assert.deepEqual(
      [create?.kind, send?.kind, process?.kind],
      [SpanKind.PRODUCER, SpanKind.CLIENT, SpanKind.CONSUMER],
    );
    assert.deepEqual(
      process?.links.map(({ context }) => context.spanId),
      [create?.spanContext().spanId],
    );
    assert.equal(send?.attributes["messaging.message.id"], process?.attributes["messaging.message.id"]);
    assert.deepEqual(
      { ...process?.attributes, "messaging.message.id": "", "messaging.message.conversation_id": "" },
      {
        "messaging.system": "holdfast",
        "messaging.destination.name": "noted",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "tally",
        "messaging.message.id": "",
        "messaging.message.conversation_id": "",
        "holdfast.attempt": 1,
        "holdfast.outcome": "handled",
      },
    );
  });

  test(`${name}: every attempt at a message stands in its trace, those after a pause and after a redrive, too`, async () => {
    const shown = await recorded();
    await using system = await start([notes, tally({ attempts: 3 })], options(shown));
    await take(system, 3);
    await until("it is dead", async () => (await dead(system, "tally")).length === 1);
    const attempts = [
      "      process noted (tally) again Error",
      "      process noted (tally) parked Error",
      "      process noted (tally) dead Error",
    ];
    await until("the last attempt is shown", () => shown.spans().length === 7);
    assert.deepEqual(shown.tree(), [...taken, ...attempts]);
    const [letter] = await dead(system, "tally");
    await system.service("tally").store.redrive(letter?.id ?? "", "ada", undefined);
    await until("it is dead again", async () => (await dead(system, "tally")).length === 1);
    await until("three attempts more are shown", () => shown.spans().length === 10);
    assert.equal(new Set(shown.spans().map(traceOf)).size, 1);
    const redriven = shown.spans().filter(({ attributes }) => attributes["holdfast.redrive"] === 1);
    assert.deepEqual(
      redriven.map(({ attributes, status }) => [attributes["holdfast.attempt"], status.code]),
      [1, 2, 3].map((attempt) => [attempt, SpanStatusCode.ERROR]),
    );
  });

  test(`${name}: a message that cannot be read is shown as dead, with the code`, async () => {
    const shown = await recorded();
    await using system = await start([notes, tally()], options(shown));
    await system.inject({ type: Noted.name, key: "red", data: "no JSON" });
    await until("it is dead", async () => (await dead(system, "tally")).length === 1);
    await until("it is shown", () => shown.spans().length === 1);
    assert.deepEqual(shown.tree(), ["process noted (tally) dead kit/undecodable-message"]);
  });
}

test("a job, its preparation and its effects are part of the trace that enqueued it", async () => {
  const shown = await recorded();
  await using system = await start(errands(), options(shown));
  await ask(system);
  await system.settled();
  const [{ traceId } = { traceId: "" }] = shown.spans().map((span) => span.spanContext());
  assert.deepEqual(shown.tree(traceId), [
    "POST /errands (errands)",
    "  run (errands)",
    "    create errands/job:run-errand (errands)",
    "      process errands/job:run-errand (errands) handled",
    "        prepare (errands)",
    "          effect ask (errands)",
  ]);
});

test("a preparation that fails is an attempt that failed", async () => {
  const shown = await recorded();
  let asked = 0;
  const prepare = () => ((asked += 1) === 1 ? Promise.reject(new TypeError("no connection")) : Promise.resolve("yes"));
  await using system = await start(errands({ prepare }), options(shown));
  await ask(system);
  await system.settled();
  const attempts = shown.spans().filter(({ kind }) => kind === SpanKind.CONSUMER);
  assert.deepEqual(
    attempts.map(({ attributes }) => [
      attributes["holdfast.attempt"],
      attributes["holdfast.outcome"],
      attributes["error.type"],
    ]),
    [
      [1, "parked", "TypeError"],
      [2, "handled", undefined],
    ],
  );
});

test("a unit that is rolled back shows why by its code; what it wanted to let out is never sent", async () => {
  const shown = await recorded();
  await using system = await start(errands(), { ...options(shown), expectBugs: true });
  await assert.rejects(ask(system, { fail: true }));
  await system.settled();
  assert.deepEqual(shown.tree(), [
    "POST /errands (errands) kit/internal",
    "  run (errands) Error",
    "    create errands/job:run-errand (errands)",
  ]);
  assert.equal(find(shown.spans(), "POST /errands").attributes["http.response.status_code"], 500);
});

test("a tick of a schedule begins one trace, however many instances there are", async () => {
  const shown = await recorded();
  await using first = await start(errands(), options(shown));
  await using second = await start(errands(), { ...options(shown), data: first.data });
  await first.runtime.advance(60_000);
  await until("the job has run", () => shown.spans().some(({ name }) => name === "process errands/job:tidy"));
  await second.settled();
  assert.deepEqual(shown.tree(), ["create errands/job:tidy (errands)", "  process errands/job:tidy (errands) handled"]);
});

test("a trace is recorded as a whole or not at all, as was decided where it began", async () => {
  const shown = await recorded({ ratio: 0.5 });
  await using system = await start([onSql.notes, onSql.tally()], options(shown));
  for (let number = 0; number < 40; number += 1) await take(system);
  await system.settled();
  const traces = Map.groupBy(shown.spans(), traceOf);
  assert.ok(traces.size > 0 && traces.size < 40, `${String(traces.size)} of 40 traces were recorded`);
  for (const [traceId] of traces) assert.equal(shown.tree(traceId).length, 5);
});
