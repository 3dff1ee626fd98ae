import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { mongodb, mongodbSkip, starter } from "../documents/fixtures/mongodb.ts";
import { noFaults, type FaultPoint } from "../runtime/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start as startSystem, until, valueOf, type StartOptions, type TestSystem } from "../testing/index.ts";
import { asking, Ended, Refused, States, type World } from "./fixtures/asking.ts";

/** The schema is that of the service: one system after the other. */
async function startOnPostgres(service: ReturnType<typeof asking>, options: StartOptions = {}): Promise<TestSystem> {
  await tidy("DROP SCHEMA IF EXISTS asking CASCADE");
  return startSystem(service, { ...options, storeUrl: process.env["HOLDFAST_TEST_POSTGRES"] ?? "" });
}
if (postgresSkip === false) after(() => tidy("DROP SCHEMA IF EXISTS asking CASCADE"));

const stores = [
  { name: "sql", kind: "tables", start: startSystem, skip: false },
  { name: "sql on PostgreSQL", kind: "tables", start: startOnPostgres, skip: postgresSkip },
  { name: "documents", kind: "documents", start: startSystem, skip: false },
  { name: "documents on MongoDB", kind: "documents", start: starter(mongodb), skip: mongodbSkip },
] as const;

const inVain = () => Promise.reject(new Error("no answer"));
const want = (system: TestSystem, id: string, data = JSON.stringify({ id })) =>
  system.inject({ type: "wanted", key: id, data });
const ended = async (system: TestSystem) => (await system.published(Ended)).map(({ id, state }) => `${id} ${state}`);
const letters = async (system: TestSystem) => system.service("asking").store.deadLetters({ limit: 10 });
const dead = (system: TestSystem) =>
  until("it is dead", async () => (await letters(system)).some(({ state }) => state === "dead"));
const waiting = async (system: TestSystem) => (await system.service("asking").store.depths()).parked;
const tries = async (system: TestSystem, outcome: string, subscription = "asking/wanted") =>
  valueOf(await system.metrics.text(), "holdfast_parked_tries_total", { service: "asking", subscription, outcome });

/** Of the world: fails the first so many times. */
function failing(times: number, error: () => Error = () => new Error("no answer")): World["ask"] {
  let asked = 0;
  return (_key, id) => ((asked += 1) <= times ? Promise.reject(error()) : Promise.resolve(`yes to ${id}`));
}

for (const { name, kind, start, skip } of stores)
  describe(name, { skip }, () => {
    test("exhausted commits in place of the dead letter, is told what that would have said, and its key goes on", async () => {
      const told: unknown[] = [];
      let rounds = 0;
      const last: World["last"] = (...what) => void told.push(what.slice(0, 2));
      await using system = await start(asking(kind, { ask: failing(3), last, around: () => (rounds += 1) }));
      await want(system, "a");
      await system.settled();
      await want(system, "a");
      await system.settled();
      assert.deepEqual(told, [["a", { code: "kit/handler-failed", reason: "Error: no answer", attempts: 3 }]]);
      assert.deepEqual(await ended(system), ["a unknown", "a late", "a done"]);
      assert.deepEqual([await letters(system), await waiting(system)], [[], 0]);
      assert.equal(rounds, 3, "around is around it, as it is around every run");
      assert.deepEqual([await tries(system, "exhausted"), await tries(system, "handled")], [1, 1]);
      const said = system.log.filter(({ event }) => event === "message is exhausted");
      assert.deepEqual(
        said.map(({ level, fields }) => [level, fields["subscription"], fields["attempt"]]),
        [["warn", "asking/wanted", 3]],
      );
    });

    test("a problem that says it is not retryable comes to exhausted at once, from run as from prepare; a job's is asked too", async () => {
      const told: string[] = [];
      const refuse = () => {
        throw Refused({});
      };
      const world: World = {
        ask: (_, id) => (id === "a" ? Promise.resolve("yes") : Promise.reject(Refused({}))),
        written: refuse,
        last: (id, { code, attempts }) => void told.push(`${id} ${code} ${String(attempts)}`),
      };
      await using system = await start(asking(kind, world));
      await want(system, "a");
      await want(system, "b");
      await system.settled();
      assert.deepEqual(told.toSorted(), ["a asking/refused 1", "b asking/refused 1"]);
      assert.deepEqual((await ended(system)).toSorted(), ["a given up", "a unknown", "b given up", "b unknown"]);
      assert.deepEqual([await letters(system), await waiting(system)], [[], 0]);
      assert.equal(await tries(system, "exhausted", "asking/job:ask-on"), 2);
    });

    test("an exhausted that fails leaves the dead letter, which tells of both failures; redriven in vain, the letter ends as handled", async () => {
      let fails = true;
      const last = () => {
        if (fails) throw Object.assign(new Error("nor here"), { code: "ELSEWHERE" });
      };
      await using system = await start(asking(kind, { ask: failing(6), last }));
      await want(system, "a");
      await want(system, "a");
      await dead(system);
      const [letter] = await letters(system);
      assert.ok(letter !== undefined);
      assert.equal(letter.code, "kit/handler-failed");
      assert.match(letter.error, /^Error: no answer; and then its exhausted failed: Error: nor here$/);
      assert.equal(letter.attempts, 3);
      assert.deepEqual(await ended(system), [], "nothing of it is left, and its key waits");
      await until("the log tells of both", () =>
        system.log.some(
          ({ event, fields }) =>
            event === "message is dead" &&
            /no answer.*nor here/.test(`${String(fields["error"])} ${String(fields["exhausted"])}`),
        ),
      );
      fails = false;
      await system.service("asking").store.redrive(letter.id, "ada", undefined);
      await system.settled();
      assert.equal((await letters(system))[0]?.state, "handled");
      assert.deepEqual((await ended(system)).toSorted(), ["a done", "a late", "a unknown"]);
    });

    test("what is not the message's fault pauses exhausted as it does a handler: nothing of it stays, and it is done once", async () => {
      const derived = new Set<string>();
      let down = 3;
      const last: World["last"] = (_id, _failure, id) => {
        derived.add(id);
        if ((down -= 1) >= 0) throw new Error("wrapped", { cause: kitProblems.unavailable({ reason: "test" }) });
      };
      await using system = await start(
        asking(kind, { ask: (_, id) => (id === "a" ? inVain() : failing(0)("", id)), last }),
      );
      await want(system, "a");
      await until("it is done", async () => {
        await system.runtime.advance(10_000);
        return (await ended(system)).includes("a unknown");
      });
      await system.settled();
      assert.deepEqual(await ended(system), ["a unknown", "a late"]);
      assert.deepEqual(await letters(system), []);
      assert.equal(derived.size, 1, "ids are the same in every repetition");
      assert.equal(await tries(system, "dead"), 0);
    });

    test("what cannot be decoded is a dead letter as ever, also where it waited behind its key", async () => {
      const answer = Promise.withResolvers<string>();
      const last: World["last"] = () => assert.fail("it was called");
      await using system = await start(asking(kind, { ask: () => answer.promise, last }));
      await want(system, "a");
      await until("it waits for its answer", async () => (await waiting(system)) === 1);
      await want(system, "a", "{}");
      await want(system, "b", "{}");
      // The one of another key holds it by now.
      await until(
        "both are taken in",
        async () => (await waiting(system)) === 3 && (await letters(system)).length === 1,
      );
      answer.resolve("yes");
      await until("both are dead", async () => (await letters(system)).length === 2);
      assert.deepEqual(
        (await letters(system)).map(({ code }) => code),
        ["kit/invalid-message", "kit/invalid-message"],
      );
      assert.deepEqual(await ended(system), ["a done"]);
    });

    const points: readonly FaultPoint[] = [
      "parked:retrying",
      "parked:writing",
      "outbox:inserting",
      ...(kind === "tables"
        ? ["outbox:inserted" as const]
        : ["unit:committing" as const, "document:settling" as const]),
      "parked:deleted",
    ];
    for (const point of points)
      test(`a failure at ${point} leaves exhausted to be done again, once and without a letter`, async () => {
        let planted = false;
        let struck = false;
        const at = (reached: FaultPoint) => {
          if (!planted || struck || reached !== point) return;
          struck = true;
          throw kitProblems.unavailable({ reason: "planted" });
        };
        const ask = failing(3);
        let asked = 0;
        const world: World = {
          // Planted when nothing is left but the end.
          ask: (key, id) => ((planted ||= (asked += 1) === 3), ask(key, id)),
        };
        await using system = await start(asking(kind, world), { faults: { ...noFaults, at }, expectBugs: true });
        await want(system, "a");
        const states = async () => (await system.call(States, { params: { id: "a" } })).body.states;
        await until("the fault has struck", () => struck);
        await until("it is done to the end", async () => {
          await system.runtime.advance(20_000);
          return ["done", "late"].includes((await states()).at(-1) ?? "");
        });
        await system.settled();
        const [first, ...rest] = await states();
        assert.deepEqual([first, rest], first === "done" ? ["done", []] : ["unknown", ["late"]]);
        assert.deepEqual([await letters(system), await waiting(system)], [[], 0]);
      });
  });
