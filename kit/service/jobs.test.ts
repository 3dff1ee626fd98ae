import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { findProblem } from "../contract/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start, until, type TestSystem } from "../testing/index.ts";
import { Ask, AskInVain, Done, errands } from "./fixtures/errands.ts";
import { startupFaults } from "./index.ts";

const done = async (system: TestSystem) => (await system.call(Done, {})).body.items;
const names = async (system: TestSystem) => (await done(system)).map(({ name }) => name);
const ask = (system: TestSystem, name: string, how: { afterMs?: number; failures?: number; fail?: boolean } = {}) =>
  system.call(Ask, { body: { name, failures: 0, afterMs: 0, fail: false, ...how } });
const dead = async (system: TestSystem) => system.service("errands").store.deadLetters({ limit: 10 });
const keptFolder = async (t: TestContext) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-jobs-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  return data;
};

test("a job runs once its unit has committed, and never when it has not", async () => {
  await using system = await start(errands(), { expectBugs: true });
  await ask(system, "kept");
  await assert.rejects(ask(system, "taken back", { fail: true }));
  await system.settled();
  assert.deepEqual(await names(system), ["kept"]);
});

test("a unit that does nothing but enqueue is repeated under its Idempotency-Key without a second job", async () => {
  await using system = await start(errands());
  const request = { body: { name: "once", failures: 0, afterMs: 0, fail: false }, idempotencyKey: "k" };
  await Promise.all(Array.from({ length: 10 }, () => system.call(Ask, request)));
  await system.settled();
  assert.deepEqual(await names(system), ["once"]);
});

test("a timer waits for its time, is counted apart from what is parked, and survives a restart", async (t) => {
  const data = await keptFolder(t);
  {
    await using before = await start(errands(), { data });
    await ask(before, "later", { afterMs: 60_000 });
    await before.runtime.advance(30_000);
    await before.settled();
    const { timers, parked } = await before.service("errands").store.depths();
    assert.deepEqual([timers, parked, await names(before)], [1, 0, []]);
  }
  await using after = await start(errands(), { data });
  await after.runtime.advance(70_000);
  await until("the timer has come", async () => (await names(after)).includes("later"));
});

test("a job that fails is tried again with back-off, with the same effect key, and ends in the dead letters when its attempts are used up", async () => {
  const keys = new Map<string, Set<string>>();
  const prepare = (name: string, key: string) => {
    keys.set(name, (keys.get(name) ?? new Set()).add(key));
    return Promise.resolve("asked");
  };
  await using system = await start(errands({ prepare }));
  await ask(system, "stubborn", { failures: 2 });
  await ask(system, "hopeless", { failures: 9 });
  await until("one is dead", async () => (await dead(system)).length === 1);
  await system.settled();
  assert.deepEqual(await done(system), [{ name: "stubborn", how: "asked" }]);
  const [letter] = await dead(system);
  assert.equal(letter?.subscription, "errands/job:run-errand");
  assert.equal(letter?.attempts, 4);
  assert.deepEqual([keys.get("stubborn")?.size, keys.get("hopeless")?.size], [1, 1]);
});

test("one slow job holds up no other", async () => {
  const slow = Promise.withResolvers<string>();
  await using system = await start(
    errands({ prepare: (name) => (name === "slow" ? slow.promise : Promise.resolve("")) }),
  );
  await ask(system, "slow");
  await ask(system, "quick");
  await until("the quick one is done", async () => (await names(system)).includes("quick"));
  slow.resolve("");
  await system.settled();
  assert.deepEqual(await names(system), ["quick", "slow"]);
});

const fair = async (storeUrl?: string) => {
  const ends = Promise.withResolvers<string>();
  let begun = 0;
  const prepare = () => ((begun += 1), ends.promise);
  const now = Date.UTC(2030, 0, 1, 0, 0, 58);
  await using system = await start(errands({ prepare }), { now, ...(storeUrl === undefined ? {} : { storeUrl }) });
  await Promise.all(Array.from({ length: 120 }, (_, at) => ask(system, `slow ${String(at)}`)));
  await until("they hang", () => begun >= 24);
  await system.runtime.advance(3_000);
  await until("the other one is done", async () => (await names(system)).includes("tidy"));
  assert.equal(begun, 24, "it had a worker while none of the others had ended");
  ends.resolve("");
  await system.settled();
  assert.equal((await names(system)).length, 121);
};

test("a job that hangs with a long queue leaves workers to the others, which are found behind it", () => fair());
test("the same holds on PostgreSQL", { skip: postgresSkip }, async (t) => {
  const clear = () => tidy("DROP SCHEMA IF EXISTS errands CASCADE");
  await clear();
  t.after(clear);
  await fair(process.env["HOLDFAST_TEST_POSTGRES"]);
});

const shared = async (storeUrl?: string) => {
  const service = () => errands({ isolation: "read committed" });
  const options = storeUrl === undefined ? {} : { storeUrl };
  await using first = await start(service(), options);
  await using second = await start(service(), { ...options, data: first.data, runtime: first.runtime });
  const all = Array.from({ length: 60 }, (_, at) => `errand ${String(at)}`);
  await Promise.all(
    all.map((name, at) => ask(at % 2 === 0 ? first : second, name, { failures: at % 9 === 0 ? 1 : 0 })),
  );
  await until("all are done", async () => (await names(first)).length >= all.length);
  await first.settled();
  assert.deepEqual((await names(first)).toSorted(), all.toSorted());
};

test("instances share the jobs, and each is done once", () => shared());
test("instances share the jobs, and each is done once: on PostgreSQL", { skip: postgresSkip }, async (t) => {
  const clear = () => tidy("DROP SCHEMA IF EXISTS errands CASCADE");
  await clear();
  t.after(clear);
  await shared(process.env["HOLDFAST_TEST_POSTGRES"]);
});

test("a scheduled job comes once at each tick over two instances, and ticks that nobody was there for come as one", async (t) => {
  const data = await keptFolder(t);
  const minute = 60_000;
  {
    await using first = await start(errands(), { data });
    await using second = await start(errands(), { data, runtime: first.runtime });
    for (let tick = 1; tick <= 3; tick += 1) {
      await first.runtime.advance(minute);
      await until(`tick ${String(tick)} has come`, async () => (await names(second)).length >= tick);
    }
    await first.settled();
    assert.deepEqual(
      (await done(first)).map(({ how }) => how),
      ["2030-01-01T00:01:00.000Z", "2030-01-01T00:02:00.000Z", "2030-01-01T00:03:00.000Z"],
    );
  }
  await using late = await start(errands(), { data, now: Date.UTC(2030, 0, 3) });
  await until("what was missed has come", async () => (await names(late)).length >= 4);
  await late.runtime.advance(minute);
  await until("the next tick has come", async () => (await names(late)).length >= 5);
  assert.deepEqual(
    (await done(late)).slice(3).map(({ how }) => how),
    ["2030-01-01T00:04:00.000Z", "2030-01-03T00:01:00.000Z"],
  );
});

test("what is wrong with jobs is told: at the start where it can be seen, else where it is enqueued", async () => {
  assert.match(startupFaults([errands({ schedule: "every hour" })]).join(), /"every hour" is not five fields of cron/);
  await using system = await start(errands(), { expectBugs: true });
  await assert.rejects(system.call(AskInVain, {}), (error) => findProblem(error)?.code === "kit/internal");
  const logged = system.log.flatMap(({ fields }) =>
    fields["error"] instanceof Error ? [fields["error"].message] : [],
  );
  assert.match(logged.join(), /unlisted of errands, which errands has no handler for: list its handler among the jobs/);
});
