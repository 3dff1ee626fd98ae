import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { findProblem } from "../contract/index.ts";
import { mongodb, mongodbSkip, starter } from "../documents/fixtures/mongodb.ts";
import { controlledRuntime, noFaults, type ControlledRuntime, type FaultPoint } from "../runtime/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start as startSystem, until, type StartOptions, type TestSystem } from "../testing/index.ts";
import { Bought, Buy, Exchange, Remind, tickets, type Gateway } from "./fixtures/tickets.ts";

const hour = 3_600_000;

/** The schema is that of the service: one system after the other, and a second one beside the first on its data. */
async function startOnPostgres(service: ReturnType<typeof tickets>, options: StartOptions = {}): Promise<TestSystem> {
  if (options.data === undefined) await tidy("DROP SCHEMA IF EXISTS tickets CASCADE");
  return startSystem(service, { ...options, storeUrl: process.env["HOLDFAST_TEST_POSTGRES"] ?? "" });
}
if (postgresSkip === false) after(() => tidy("DROP SCHEMA IF EXISTS tickets CASCADE"));

const stores = [
  { name: "sql", kind: "tables", start: startSystem, skip: false },
  { name: "sql on PostgreSQL", kind: "tables", start: startOnPostgres, skip: postgresSkip },
  { name: "documents", kind: "documents", start: startSystem, skip: false },
  { name: "documents on MongoDB", kind: "documents", start: starter(mongodb), skip: mongodbSkip },
] as const;

/** A gateway that keeps its book, and a world that can be made to refuse, or to crash behind the next charge. */
class World implements Gateway {
  readonly book = new Map<string, { readonly cents: number }>();
  readonly reminders = new Map<string, string>();
  refusing = false;
  /** The fault point at which the next unit fails. */
  crashAt: FaultPoint | undefined;
  /** Until `crashAt` is set again: writes that share a commit are tried one by one when it fails. */
  keepsCrashing = false;
  /** In the order in which they were asked for. */
  readonly asked: string[] = [];
  /** How much longer both clocks have run than the machine's. */
  #passed = 0;
  /** How wrong the wall clock is. */
  #wrong = 0;
  readonly runtime: ControlledRuntime;

  constructor(seed = 1) {
    const runtime = controlledRuntime({
      seed,
      faults: {
        ...noFaults,
        at: (point) => {
          if (point !== this.crashAt) return;
          if (!this.keepsCrashing) this.crashAt = undefined;
          throw new Error(`crash at ${point}`);
        },
      },
    });
    const { clock } = runtime;
    this.runtime = {
      ...runtime,
      clock: {
        now: () => clock.now() + this.#passed + this.#wrong,
        monotonic: () => clock.monotonic() + this.#passed,
      },
    };
  }

  charge(key: string, cents: number): Promise<string> {
    this.asked.push(key);
    if (!this.book.has(key)) this.book.set(key, { cents });
    return Promise.resolve(`charge of ${String(this.book.get(key)?.cents)}`);
  }
  soldOut = () => this.refusing;
  reminded = (jobId: string, reminderId: string) => void this.reminders.set(jobId, reminderId);
  pass = (ms: number) => void (this.#passed += ms);
  wrongBy = (ms: number) => void (this.#wrong = ms);
  get charges(): readonly number[] {
    return [...this.book.values()].map(({ cents }) => cents);
  }
}

type Asked = Partial<Parameters<typeof buy>[1]>;
const buy = (
  system: TestSystem,
  { key = "k", show = "opera", cents = 1_000, from }: { key?: string; show?: string; cents?: number; from?: string },
) =>
  system.call(Buy, {
    query: {},
    body: { show, cents },
    idempotencyKey: key,
    ...(from === undefined ? {} : { from }),
  });
/** What came of it: the charge, or the code of the refusal. */
async function outcome(system: TestSystem, asked: Asked): Promise<string> {
  try {
    return (await buy(system, asked)).body.charged;
  } catch (error) {
    return findProblem(error)?.code ?? String(error);
  }
}
const sold = async (system: TestSystem) => (await system.call(Bought, {})).body.items.length;
const swept = async (system: TestSystem) => {
  const { store } = system.service("tickets");
  while (await store.sweep(system.runtime.clock.now()));
};

for (const { name, kind, start, skip } of stores)
  describe(name, { skip }, () => {
    const open = (world: World, options: StartOptions = {}) =>
      start(tickets(kind, world), { runtime: world.runtime, expectBugs: true, ...options });

    test("a repetition after a crash between effect and commit has the same effect key, in another process too", async (t) => {
      const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-effects-"));
      t.after(() => rm(data, { recursive: true, force: true }));
      const world = new World();
      {
        await using first = await open(world);
        const other = await open(world, { data: first.data });
        world.crashAt = "unit:committing";
        assert.notEqual(await outcome(first, {}), "charge of 1000");
        assert.equal(await sold(first), 0);
        assert.equal(await outcome(other, {}), "charge of 1000");
        await other[Symbol.asyncDispose]();
        assert.equal(await outcome(first, {}), "charge of 1000");
        assert.deepEqual([world.charges, await sold(first)], [[1_000], 1]);
        assert.equal(world.asked.length, 2, "it was asked again, under the same key, and not a third time");
      }
    });

    test("after 24 hours a key is a new request with new ids and effects, before a sweep and after it", async () => {
      for (const sweeps of [false, true]) {
        const world = new World();
        await using system = await open(world);
        assert.equal(await outcome(system, {}), "charge of 1000");
        world.pass(23 * hour);
        assert.equal(await outcome(system, {}), "charge of 1000");
        assert.equal(await outcome(system, { cents: 9_000 }), "kit/idempotency-key-reused");
        world.pass(2 * hour);
        if (sweeps) await swept(system);
        assert.equal(await outcome(system, { cents: 9_000 }), "charge of 9000");
        assert.equal(await outcome(system, { cents: 9_000 }), "charge of 9000");
        assert.deepEqual([world.charges, await sold(system)], [[1_000, 9_000], 2]);
      }
    });

    test("a clock that is wrong for a moment, ahead or behind, makes no second request of a repeated key", async () => {
      for (const steadyMs of [0, hour / 4])
        for (const wrongMs of [25 * hour, -25 * hour]) {
          const world = new World();
          await using system = await open(world);
          const body = { cents: 1_000 };
          const charged = "charge of 1000";
          world.pass(steadyMs);
          assert.equal(await outcome(system, { ...body, key: "replied" }), charged);
          world.crashAt = "unit:committing";
          await outcome(system, { ...body, key: "crashed" });
          world.refusing = true;
          assert.equal(await outcome(system, { ...body, key: "refused" }), "tickets/sold-out");
          world.refusing = false;
          world.wrongBy(wrongMs);
          for (const key of ["replied", "crashed", "refused", "first while wrong"])
            assert.equal(await outcome(system, { ...body, key }), charged);
          const keys = ["replied", "crashed", "refused", "first while wrong"];
          const right = async () => {
            for (const key of keys) assert.equal(await outcome(system, { ...body, key }), charged);
            assert.deepEqual([world.charges, await sold(system)], [[1_000, 1_000, 1_000, 1_000], 4]);
          };
          world.wrongBy(0);
          await right();
          // Believed again: nothing that was written meanwhile is too old, and what is ahead is no sooner gone.
          world.pass(hour);
          await swept(system);
          await right();
          world.pass(25 * hour);
          assert.equal(await outcome(system, { cents: 9_000, key: "replied" }), "charge of 9000");
        }
    });

    test("after 24 hours a crash of yesterday is no claim on today's request", async () => {
      const world = new World();
      await using system = await open(world);
      world.crashAt = "unit:committing";
      await outcome(system, {});
      world.pass(25 * hour);
      assert.equal(await outcome(system, {}), "charge of 1000");
      assert.deepEqual([world.charges, await sold(system)], [[1_000, 1_000], 1]);
    });

    test("a refused request leaves its effect to no other body, and keeps it for the same one", async () => {
      const world = new World();
      await using system = await open(world);
      world.refusing = true;
      assert.equal(await outcome(system, {}), "tickets/sold-out");
      assert.equal(await outcome(system, {}), "tickets/sold-out");
      assert.deepEqual(world.charges, [1_000]);
      world.refusing = false;
      assert.equal(await outcome(system, { cents: 5_000 }), "charge of 5000");
      assert.equal(await outcome(system, { cents: 5_000 }), "charge of 5000");
      assert.equal(await outcome(system, {}), "kit/idempotency-key-reused");
      assert.deepEqual([world.charges, await sold(system)], [[1_000, 5_000], 1]);
    });

    test("while it is not known what became of a request, its key is for no other body", async () => {
      const world = new World();
      await using system = await open(world);
      world.crashAt = "unit:committing";
      await outcome(system, {});
      assert.equal(await outcome(system, { cents: 5_000 }), "kit/idempotency-key-reused");
      assert.equal(await outcome(system, {}), "charge of 1000");
      assert.deepEqual(world.charges, [1_000]);
    });

    test("twins over two instances have one effect and get one reply", async () => {
      const world = new World();
      await using first = await open(world);
      await using second = await open(world, { data: first.data });
      for (let round = 0; round < 5; round += 1) {
        const key = `round ${String(round)}`;
        const replies = await Promise.all(
          Array.from({ length: 20 }, (_, at) => buy(at % 2 === 0 ? first : second, { key, show: key })),
        );
        assert.equal(new Set(replies.map(({ body }) => JSON.stringify(body))).size, 1);
      }
      assert.deepEqual([world.charges.length, await sold(first)], [5, 5]);
    });

    test("two installations have different keys for the same request", async () => {
      const worlds = [new World(1), new World(2)];
      for (const world of worlds) {
        await using system = await open(world);
        await buy(system, {});
      }
      const [one, two] = worlds.map(({ book }) => [...book.keys()][0]);
      assert.ok(one !== undefined && two !== undefined && one !== two);
    });

    test("a request that only enqueues leaves all its jobs or none, with the id that its reply tells", async () => {
      const world = new World();
      await using first = await open(world);
      await using second = await open(world, { data: first.data });
      const request = { body: { show: "opera" }, idempotencyKey: "k" };
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? first : second).call(Remind, request)),
      );
      const [id, ...others] = new Set(replies.map(({ body }) => body.reminderId));
      assert.deepEqual(others, []);
      await until("both jobs have run", () => world.reminders.size >= 2);
      world.pass(25 * hour);
      const { body } = await first.call(Remind, request);
      assert.notEqual(body.reminderId, id);
      await until("two more have run", () => world.reminders.size >= 4);
      await first.settled();
      assert.deepEqual(new Set(world.reminders.values()), new Set([id, body.reminderId]));
      assert.equal(world.reminders.size, 4);
    });

    test("the effects of requests without a key are their own, whatever id the client gives the request", async () => {
      const world = new World();
      await using system = await open(world);
      for (const cents of [1, 2])
        await system.service("tickets").dispatch({
          endpoint: Exchange,
          params: { show: "opera" },
          query: {},
          headers: {},
          body: { show: "opera", cents },
          suspectText: false,
          caller: undefined,
          idempotencyKey: undefined,
          address: undefined,
          deadline: world.runtime.clock.monotonic() + 10_000,
          signal: new AbortController().signal,
          requestId: "the-same",
          correlationId: "the-same",
          trace: { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false },
        });
      assert.deepEqual(world.charges, [1, 2]);
    });

    test("whatever comes in whatever order, there are as many effects as the model says", async () => {
      const world = new World();
      await using system = await open(world);
      world.keepsCrashing = true;
      let runs = 0;
      const step = fc.record({
        key: fc.constantFrom("a", "b"),
        cents: fc.constantFrom(0, 1, 2),
        hours: fc.constantFrom(0, 0, 0, 1, 25),
        how: fc.constantFrom("commits", "commits", "refused", "crashes"),
        sweeps: fc.boolean(),
      });
      const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
        runs += 1;
        const model = new Model();
        const [before, soldBefore] = [world.book.size, await sold(system)];
        for (const { key, cents, hours, how, sweeps } of steps) {
          world.pass(hours * hour);
          if (sweeps) await swept(system);
          world.refusing = how === "refused";
          world.crashAt = how === "crashes" ? "unit:committing" : undefined;
          const told = await outcome(system, { key: `${String(runs)} ${key}`, show: `${String(runs)}`, cents });
          world.crashAt = undefined;
          const expected = model.ask(key, cents, { now: world.runtime.clock.now(), how });
          if (expected !== "crashes") assert.equal(told, expected, JSON.stringify({ key, cents, how }));
        }
        world.refusing = false;
        assert.equal(world.book.size - before, model.effects);
        assert.equal((await sold(system)) - soldBefore, model.sold);
      });
      await fc.assert(property, { numRuns: 25 });
    });
  });

/** What should become of requests under keys. */
class Model {
  effects = 0;
  sold = 0;
  readonly #keys = new Map<
    string,
    { readonly cents: number; readonly at: number; readonly state: "doubt" | "refused" | "replied" }
  >();

  ask(
    key: string,
    cents: number,
    { now, how }: { readonly now: number; readonly how: "commits" | "refused" | "crashes" },
  ): string {
    const known = this.#keys.get(key);
    const alive = known !== undefined && known.at >= now - 24 * hour ? known : undefined;
    const charged = cents === 0 ? "" : `charge of ${String(cents)}`;
    if (alive !== undefined && alive.cents !== cents && alive.state !== "refused") return "kit/idempotency-key-reused";
    if (alive?.state === "replied") return charged;
    const again = alive?.cents === cents ? alive : undefined;
    if (cents > 0 && again === undefined) this.effects += 1;
    if (how === "commits") {
      this.sold += 1;
      this.#keys.set(key, { cents, at: now, state: "replied" });
      return charged;
    }
    // What had no effect leaves nothing, and nothing of what another request has left is touched.
    if (cents > 0) this.#keys.set(key, { cents, at: again?.at ?? now, state: how === "refused" ? "refused" : "doubt" });
    return how === "refused" ? "tickets/sold-out" : "crashes";
  }
}
