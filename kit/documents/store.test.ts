import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { findProblem } from "../contract/index.ts";
import { until, type TestSystem } from "../testing/index.ts";
import * as fixture from "./fixtures/counters.ts";
import { mongodb, starter } from "./fixtures/mongodb.ts";

const { counters, ledgers, Changed } = fixture;
const minute = 60_000;
const day = 24 * 60 * minute;

/** The value before. */
const change = async (system: TestSystem, counterId: string, value: number, how: fixture.How = "set") =>
  (await system.call(fixture.ChangeCounter, { params: { counterId }, body: { how, value } })).body.before;
const all = async (system: TestSystem, limit = 100) =>
  (await system.call(fixture.GetCounters, { query: { limit } })).body.items;
const published = async (system: TestSystem) => (await system.published(Changed)).map(({ value }) => value);
const booked = async (system: TestSystem, ledger: string) =>
  (await system.call(fixture.GetLedger, { params: { ledger } })).body.booked;
const reports = (system: TestSystem) =>
  system.log.flatMap(({ fields }) => (fields["error"] instanceof Error ? [fields["error"].message] : [])).join("\n");
const failsInside = (work: Promise<unknown>) =>
  assert.rejects(work, (error) => findProblem(error)?.code === "kit/internal");

const stores = [
  { name: "embedded", storeUrl: undefined },
  ...(mongodb === undefined ? [] : [{ name: "MongoDB", storeUrl: mongodb }]),
];
for (const { name, storeUrl } of stores) {
  const start = starter(storeUrl);

  test(`${name}: what a handler sets, publishes and replies is there together; what it throws leaves nothing`, async () => {
    await using system = await start(counters, { expectBugs: true });
    assert.equal(await change(system, "a", 1), null);
    assert.equal(await change(system, "a", 2), 1);
    await failsInside(change(system, "a", 3, "set, then fail"));
    assert.deepEqual(await all(system), [{ id: "a", value: 2 }]);
    assert.deepEqual(await published(system), [1, 2]);
  });

  test(`${name}: what is committed is what was set, whatever the handler does to its object afterwards`, async () => {
    await using system = await start(counters);
    await change(system, "a", 1, "change later");
    assert.deepEqual(await all(system), [{ id: "a", value: 1 }]);
  });

  test(`${name}: a publish that a document cannot order fails its unit, and says why`, async () => {
    await using system = await start(counters, { expectBugs: true });
    await failsInside(change(system, "a", 1, "publish first"));
    await failsInside(change(system, "a", 1, "publish for another"));
    await failsInside(system.call(fixture.ChangeNamed, { body: { counterId: "a" } }));
    assert.deepEqual([await all(system), await published(system)], [[], []]);
    assert.match(reports(system), /published counter.changed before its first write/);
    assert.match(reports(system), /with the key "another": the events of a document carry its id, "a", as their key/);
  });

  test(`${name}: what was deleted is gone for its readers, and what comes after it has ids of its own`, async () => {
    await using system = await start(counters);
    await change(system, "a", 1);
    await change(system, "a", 2, "delete");
    assert.deepEqual(await all(system), []);
    assert.equal(await change(system, "a", 3), null);
    assert.deepEqual(await published(system), [1, 2, 3]);
  });

  test(`${name}: a list passes over what was deleted, however much of it there is`, async () => {
    await using system = await start(counters);
    for (let at = 0; at < 7; at += 1) await change(system, `gone ${String(at)}`, at, "delete");
    for (const value of [5, 3, 4]) await change(system, `there ${String(value)}`, value);
    assert.deepEqual(
      (await all(system, 2)).map(({ value }) => value),
      [3, 4],
    );
  });

  test(`${name}: a message is split over several documents by jobs, each applied once, also where it comes again and where they fail at first`, async () => {
    await using system = await start([counters, ledgers]);
    const again = {
      id: system.runtime.ids.uuidv7(),
      type: Changed.name,
      key: "z",
      data: JSON.stringify({ counterId: "z", value: 9 }),
    };
    await system.inject(again);
    for (let value = 1; value <= 6; value += 1) await change(system, "a", value);
    await system.inject(again);
    await system.settled();
    const expected = ["a 1", "a 2", "a 3", "a 4", "a 5", "a 6", "z 9"];
    assert.deepEqual((await booked(system, "one")).toSorted(), expected);
    assert.deepEqual((await booked(system, "two")).toSorted(), expected);
    const { timers, parked } = await system.service("ledgers").store.depths();
    assert.deepEqual([timers, parked, await booked(system, "late")], [7, 0, []]);
    await system.runtime.advance(minute);
    await until("the timers have come", async () => (await booked(system, "late")).length === 7);
  });

  test(`${name}: what is due is found by its subscription, too`, async () => {
    await using system = await start([counters, ledgers]);
    for (let value = 1; value <= 3; value += 1) await change(system, "a", value);
    await system.settled();
    const { store } = system.service("ledgers");
    const due = async (subscription?: string) =>
      (await store.due(system.runtime.clock.now() + minute, 10, subscription)).map((row) => row.subscription);
    const [late] = await due();
    assert.deepEqual(await due(), [late, late, late]);
    assert.deepEqual([await due(late), await due("ledgers/another")], [[late, late, late], []]);
  });

  test(`${name}: what is past retention goes, and what is older than that is refused, not repeated`, async () => {
    await using system = await start([counters, ledgers]);
    const { store } = system.service("ledgers");
    const old = {
      id: system.runtime.ids.uuidv7(),
      type: Changed.name,
      key: "z",
      data: JSON.stringify({ counterId: "z", value: 1 }),
    };
    await system.inject(old);
    await system.settled();
    assert.ok((await store.depths()).inbox > 0);
    while (await store.sweep(system.runtime.clock.now() + 8 * day));
    assert.equal((await store.depths()).inbox, 0);
    await system.inject(old);
    await until("it is dead", async () => (await store.depths()).dead === 1);
    const [letter] = await store.deadLetters({ limit: 1 });
    assert.equal(letter?.code, "kit/too-old");
    assert.deepEqual((await booked(system, "one")).filter((entry) => entry === "z 1").length, 1);
  });

  test(`${name}: what was committed stands after a restart, jobs that wait included`, async (t) => {
    const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-documents-"));
    t.after(() => rm(data, { recursive: true, force: true }));
    {
      await using before = await start([counters, ledgers], { data });
      await change(before, "a", 1);
      await before.settled();
    }
    await using after = await start([counters, ledgers], { data });
    assert.equal(await change(after, "a", 2), 1);
    await after.settled();
    assert.deepEqual(await booked(after, "one"), ["a 1", "a 2"]);
    await after.runtime.advance(minute);
    await until("the timers have come", async () => (await booked(after, "late")).length === 2);
  });
}
