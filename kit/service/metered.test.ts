import assert from "node:assert/strict";
import { test } from "node:test";
import * as onDocuments from "../documents/fixtures/notes.ts";
import type { Broker, Parked, Store } from "../messaging/index.ts";
import { controlledRuntime, noFaults, type FaultPoint } from "../runtime/index.ts";
import { onServer, postgresSkip } from "../sql/fixtures/engines.ts";
import { start, until, valueOf, type TestSystem } from "../testing/index.ts";
import { noMetrics } from "../telemetry/index.ts";
import { Ask, errands } from "./fixtures/errands.ts";
import * as onSql from "./fixtures/notes.ts";
import { metered } from "./metered.ts";

const { Noted, TakeNote } = onSql;
const take = (system: TestSystem, topic: string, failures: number) =>
  system.call(TakeNote, { body: { topic, number: 1, failures } });
/** Values are asked for once a second: of the moment that is waited for. */
const shows = (system: TestSystem, name: string, labels: Record<string, string>, value: number) =>
  until(`${name} is ${String(value)}`, async () => {
    await system.runtime.advance(1_000);
    return valueOf(await system.metrics.text(), name, labels) === value;
  });

for (const [engine, { notes, tally }] of [
  ["tables", onSql],
  ["documents", onDocuments],
] as const) {
  test(`${engine}: messages are counted where they leave and where they end, and none twice`, async () => {
    await using system = await start([notes, tally()]);
    for (let n = 0; n < 5; n += 1) await take(system, `fine ${String(n)}`, 0);
    await take(system, "later", 2);
    await take(system, "never", 100);
    const known = { type: Noted.name, key: "again", data: JSON.stringify({ topic: "again", number: 1, failures: 0 }) };
    const id = await system.inject(known);
    await system.inject({ ...known, id });
    await system.settled();
    await shows(system, "holdfast_dead_letters", { service: "tally" }, 1);
    const text = await system.metrics.text();
    const labels = { service: "tally", subscription: "tally/noted" };
    const outcomes = (name: string) =>
      Object.fromEntries(
        ["handled", "duplicate", "parked", "dead", "discarded", "gone"].flatMap((outcome) => {
          const count = valueOf(text, name, { ...labels, outcome });
          return count === undefined || count === 0 ? [] : [[outcome, count]];
        }),
      );
    assert.equal(valueOf(text, "holdfast_relay_published_total", { service: "notes", event: "noted" }), 7);
    assert.equal(valueOf(text, "holdfast_relay_failures_total", { service: "notes" }), 0);
    assert.deepEqual(outcomes("holdfast_consumer_messages_total"), { handled: 6, duplicate: 1, parked: 2 });
    assert.deepEqual(outcomes("holdfast_parked_tries_total"), { handled: 1, parked: 1, dead: 1 });
    // Six at once, two tries each of the two that fail, then one try of the one and two of the other.
    assert.equal(valueOf(text, "holdfast_handler_duration_seconds_count", labels), 6 + 4 + 3);
    assert.ok((valueOf(text, "holdfast_message_delay_seconds_count", labels) ?? 0) >= 1);
    assert.equal(valueOf(text, "holdfast_consumer_lag_messages", { service: "tally", topic: "noted" }), 0);
    for (const service of ["notes", "tally"]) {
      const { outbox, parked, timers, dead } = await system.service(service).store.depths();
      const { outboxSince, ...backlog } = await system.service(service).store.backlog();
      assert.deepEqual({ ...backlog, outboxSince }, { outbox, parked, timers, dead, outboxSince: undefined });
    }
    assert.equal(valueOf(text, "holdfast_scrape_failures_total"), 0);
    for (const store of ["notes", "tally", "broker"])
      assert.ok((valueOf(text, "holdfast_commit_duration_seconds_count", { store }) ?? 0) > 0, store);
  });
}

test("what cannot be published is told by its number, its age and the failures of the relay", async () => {
  let refuses = true;
  const at = (point: FaultPoint) => {
    if (refuses && point === "broker:appending") throw new Error("The disk is full.");
  };
  await using system = await start([onSql.notes, onSql.tally()], { faults: { ...noFaults, at } });
  await take(system, "stuck", 0);
  await take(system, "stuck too", 0);
  await shows(system, "holdfast_outbox_messages", { service: "notes" }, 2);
  await system.runtime.advance(60_000);
  const text = await system.metrics.text();
  const age = valueOf(text, "holdfast_outbox_oldest_age_seconds", { service: "notes" }) ?? 0;
  assert.ok(age >= 60 && age < 120, String(age));
  assert.ok((valueOf(text, "holdfast_relay_failures_total", { service: "notes" }) ?? 0) >= 1);
  assert.equal(valueOf(text, "holdfast_relay_published_total", { service: "notes" }), 0);
  refuses = false;
  await shows(system, "holdfast_outbox_oldest_age_seconds", { service: "notes" }, 0);
  assert.equal(valueOf(await system.metrics.text(), "holdfast_relay_published_total", { service: "notes" }), 2);
});

const jobsAreCounted = async (storeUrl?: string) => {
  const options = storeUrl === undefined ? {} : { storeUrl };
  await using system = await start(errands({ isolation: "read committed" }), options);
  const ask = (name: string, afterMs: number) =>
    system.call(Ask, { body: { name, failures: 0, afterMs, fail: false } });
  await Promise.all(Array.from({ length: 20 }, (_, n) => ask(`soon ${String(n)}`, 0)));
  for (const name of ["a", "b", "c"]) await ask(name, 3_600_000);
  await system.settled();
  await shows(system, "holdfast_timers", { service: "errands" }, 3);
  const text = await system.metrics.text();
  const tries = { service: "errands", subscription: "errands/job:run-errand", outcome: "handled" };
  assert.equal(valueOf(text, "holdfast_parked_tries_total", tries), 20);
  const store = { store: "errands" };
  assert.equal(valueOf(text, "holdfast_unit_group_size_sum", store), 23);
  assert.ok((valueOf(text, "holdfast_unit_group_size_count", store) ?? 99) < 23);
  assert.ok((valueOf(text, "holdfast_unit_wait_seconds_count", store) ?? 0) > 0);
  await system.runtime.advance(120_000);
  await until("a tick is counted", async () => {
    const ticks = valueOf(await system.metrics.text(), "holdfast_schedule_ticks_total", { service: "errands" });
    return (ticks ?? 0) >= 1;
  });
};
test("timers, tries of jobs and ticks are counted, and requests share their commits", () => jobsAreCounted());
test("the same is counted on PostgreSQL", { skip: postgresSkip }, async (t) => {
  const database = `metered_${String(process.pid)}`;
  await onServer((client) => client.query(`CREATE DATABASE ${database}`));
  t.after(() => onServer((client) => client.query(`DROP DATABASE ${database} WITH (FORCE)`)));
  const url = new URL(process.env["HOLDFAST_TEST_POSTGRES"] ?? "");
  url.pathname = `/${database}`;
  await jobsAreCounted(url.href);
});

test("what the loops ask of their store reaches it as they ask it", async () => {
  const asked: unknown[] = [];
  const store = new Proxy(
    {},
    { get: (_, name) => (name === "outside" ? {} : (...all: readonly unknown[]) => void asked.push([name, ...all])) },
  );
  const { store: loops } = metered({
    metrics: noMetrics,
    clock: controlledRuntime().clock,
    service: "notes",
    store: store as Store<object>, // Proof: takes whatever it is asked, and writes it down.
    broker: store as Broker, // Proof: not asked here.
    subscriptions: [],
    events: [],
    schedules: [],
  });
  const parked = { id: 1 } as Parked; // Proof: only passed on.
  await loops.due(1, 2, "notes/job:one");
  await loops.nextDue();
  await loops.claim(parked, "me", 3);
  await loops.nextTick({ name: "hourly", pattern: "0 * * * *" }, 4);
  assert.deepEqual(asked, [
    ["due", 1, 2, "notes/job:one"],
    ["nextDue"],
    ["claim", parked, "me", 3],
    ["nextTick", { name: "hourly", pattern: "0 * * * *" }, 4],
  ]);
});
