import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { contracts, findProblem, t } from "../contract/index.ts";
import { sql, snapshot } from "../sql/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start, until, type TestSystem } from "../testing/index.ts";
import { errands } from "./fixtures/errands.ts";
import { Asked, documentOutlets, List, outlets, Put } from "./fixtures/outlets.ts";
import { service, startupFaults } from "./index.ts";

const storeUrl = process.env["HOLDFAST_TEST_POSTGRES"] ?? "";
const foreign = { foreignEvents: [Asked.name], expectBugs: true } as const;

const times = [
  { at: "garbage", why: /POST \/puts: the job later was enqueued for a time that is none: "at" is an invalid Date/ },
  { afterMs: "NaN", why: /"afterMs" must be a finite number of milliseconds, not NaN/ },
  { afterMs: "Infinity", why: /not Infinity/ },
  { afterMs: "-Infinity", why: /not -Infinity/ },
  { afterMs: "1e300", why: /"afterMs" of 1e\+300 leads beyond the last time that a Date holds/ },
  { afterMs: "-1e16", why: /beyond the last time/ },
] as const;

async function refusesTimesThatAreNone(system: TestSystem): Promise<void> {
  const put = (text: string, when: { at?: string; afterMs?: string }) =>
    system.call(Put, { body: { text, ...when } }).then(
      ({ status }) => String(status),
      (error: unknown) => findProblem(error)?.code,
    );
  const right = { afterMs: "0.5", at: new Date(system.runtime.clock.now() - 1_000).toISOString() };
  const answers = await Promise.all([
    put("good", { afterMs: right.afterMs }),
    ...times.map(({ why: _why, ...when }, at) => put(`bad ${String(at)}`, when)),
    put("past", { at: right.at }),
    put("before", { afterMs: "-1" }),
    put("far", { at: new Date(8.64e15).toISOString() }),
  ]);
  assert.deepEqual(answers, ["201", ...times.map(() => "kit/internal"), "201", "201", "201"]);
  const told = system.log.map(({ fields }) => (fields["error"] instanceof Error ? fields["error"].message : ""));
  for (const { why } of times)
    assert.ok(
      told.some((text) => why.test(text)),
      String(why),
    );

  const ask = (text: string, when: object) =>
    system.inject({ type: Asked.name, key: text, data: JSON.stringify({ text, ...when }) });
  await ask("asked bad", { at: "garbage" });
  await ask("asked worse", { afterMs: "1e300" });
  await ask("asked good", { afterMs: "0" });
  const dead = () => system.service("outlets").store.deadLetters({ limit: 10 });
  await until("the messages are dead letters", async () => (await dead()).length === 2);
  await system.settled();
  for (const { code, attempts } of await dead()) assert.deepEqual([code, attempts], ["kit/handler-failed", 3]);
  const kept = (await system.call(List, {})).body.texts;
  const good = ["good", "past", "before", "far", "asked good"];
  assert.deepEqual(
    kept.toSorted(),
    [...good, ...good.filter((text) => text !== "far").map((text) => `later ${text}`)].toSorted(),
  );
  const { parked, timers } = await system.service("outlets").store.depths();
  assert.deepEqual([parked, timers], [0, 1], "the far one waits");
}

test("a job for a time that is none is refused where it is enqueued, to that unit alone: 500 for a request, attempts for a message", async () => {
  await using system = await start(outlets(), foreign);
  await refusesTimesThatAreNone(system);
});

test("the same on documents", async () => {
  await using system = await start(documentOutlets(), foreign);
  await refusesTimesThatAreNone(system);
});

test("the same on PostgreSQL", { skip: postgresSkip }, async (t_: TestContext) => {
  const clear = () => tidy("DROP SCHEMA IF EXISTS outlets CASCADE");
  await clear();
  t_.after(clear);
  await using system = await start(outlets(), { ...foreign, storeUrl });
  await refusesTimesThatAreNone(system);
});

test("an event under a key that would not come back as it was, or that no store can index, fails its unit", async () => {
  await using system = await start(outlets(), foreign);
  for (const text of ["a\u0000b", "a\ud800b", "k".repeat(1_025), "é".repeat(600)])
    await assert.rejects(system.call(Put, { body: { text } }), JSON.stringify(text.slice(0, 5)));
  for (const text of ["k".repeat(1_024), "é".repeat(512)])
    assert.equal((await system.call(Put, { body: { text } })).status, 201);
  await system.settled();
  assert.equal((await system.call(List, {})).body.texts.length, 2);
});

test("numbers that no timer or store can hold are faults at the start: limits, retry policies, schedules that never come", () => {
  const { endpoint, job } = contracts("odd");
  const Slow = (timeoutMs: number, bodyBytes = 1) =>
    endpoint("POST /slow", {
      summary: "s",
      access: "anyone",
      replies: { 200: t.Object({}) },
      limits: { timeoutMs, bodyBytes },
    });
  const Work = job("work", { summary: "w", data: t.Object({ tick: t.String() }) });
  const faultsOf = (endpointMade: ReturnType<typeof Slow>, retry: object, schedule = "* * * * *") => {
    const store = sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] });
    const odd = service("odd", { store, scope: () => ({}) });
    const handlers = { Slow: odd.handle(endpointMade, ({ reply }) => Promise.resolve(reply(200, {}))) };
    const jobs = [odd.job(Work, { run: () => Promise.resolve(), retry, schedule })];
    const made = odd.assemble({ Slow: endpointMade }, { routes: handlers, consumers: [], jobs });
    return startupFaults([made]).join("\n");
  };
  assert.equal(faultsOf(Slow(30_000), { attempts: 1, baseMs: 0, capMs: 0 }), "");
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1.5, 2 ** 31])
    assert.match(faultsOf(Slow(ms), {}), /POST \/slow: limits\.timeoutMs must be a whole number from 1 to 2147483647/);
  assert.match(faultsOf(Slow(1, Number.NaN), {}), /limits\.bodyBytes must be a whole number/);
  for (const attempts of [Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 2.5])
    assert.match(faultsOf(Slow(1), { attempts }), /the job work: retry\.attempts must be a whole number from 1/);
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e12]) {
    assert.match(faultsOf(Slow(1), { baseMs: ms }), /retry\.baseMs must be 0 to 604800000 milliseconds \(7 days\)/);
    assert.match(faultsOf(Slow(1), { capMs: ms }), /retry\.capMs must be/);
  }
  for (const pattern of ["0 0 30 2 *", "0 0 31 4 *", "0 0 31 2,4,6,9,11 *"])
    assert.ok(
      faultsOf(Slow(1), {}, pattern).includes(
        `the job work: its schedule "${pattern}" never comes: the calendar has no such day.`,
      ),
    );
  for (const pattern of ["0 0 29 2 *", "0 0 29 2 +1", "0 0 31 1 *", "0 0 30 2 1"])
    assert.equal(faultsOf(Slow(1), {}, pattern), "", pattern);
  assert.deepEqual(startupFaults([errands()]), []);
});
