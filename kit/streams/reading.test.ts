import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findProblem, t } from "../contract/index.ts";
import { accountsOf, accountWith, deposited, inUnit, query, sqlite, type State } from "./fixtures/accounts.ts";
import { stream, streams } from "./index.ts";
import { writeSnapshot } from "./snapshots.ts";

/** An event as some version of the code wrote it, and what it comes to. */
const written = fc.oneof(
  fc.string({ maxLength: 8 }).map((owner) => ({ event: "opened", schemaVersion: 1, data: { owner }, owner, cents: 0 })),
  fc.nat(1_000).map((euros) => ({ event: "deposited", schemaVersion: 1, data: { euros }, cents: euros * 100 })),
  fc.nat(1_000).map((cents) => ({ event: "deposited", schemaVersion: 2, data: { cents }, cents })),
  fc.nat(1_000).map((cents) => ({ event: "deposited", schemaVersion: 3, data: { cents, branch: "x" }, cents })),
  fc.nat(1_000).map((cents) => ({ event: "withdrawn", schemaVersion: 1, data: { cents }, cents: -cents })),
);
type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;

const record = (stream: string, events: readonly Written[]) =>
  events.map(({ event, schemaVersion, data }, at) => ({
    streamType: "account",
    stream,
    version: at + 1,
    event,
    schemaVersion,
    eventData: JSON.stringify(data),
    at: 1,
    correlationId: "c",
    causationId: "c",
  }));

test("with or without snapshots, of whatever form, damaged or not, a stream comes to the same state", async (context) => {
  const store = await (await sqlite.opener(context))();
  const damages = ["none", "state", "version", "form", "gone"] as const;
  let next = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(written, { maxLength: 30 }),
      fc.array(fc.nat(500), { maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(...damages),
      async (old, more, every, damage) => {
        const id = String((next += 1));
        const now = accountWith({ form: 2, every });
        await inUnit(store, async ({ db }) => {
          if (old.length > 0) await db.insertInto("streamEvents").values(record(id, old)).execute();
          // What other code left, with a state that this code would not come to.
          const other = accountWith({ form: 9, every: 1 });
          await writeSnapshot(db, other, id, { state: { cents: -1, moves: 0 }, version: 1 });
        });
        for (const cents of more)
          await inUnit(store, async (access) => (await accountsOf(access, now).load(id)).append(deposited(cents)));
        await inUnit(store, async ({ db }) => {
          const own = db.updateTable("streamSnapshots").where("stream", "=", id);
          if (damage === "state") await own.set({ stateData: '{"cents":7,"moves":1}' }).execute();
          if (damage === "version") await own.set((row) => ({ version: row("version", "+", 1) })).execute();
          if (damage === "form") await own.set({ form: 3 }).execute();
          if (damage === "gone") await db.deleteFrom("streamSnapshots").where("stream", "=", id).execute();
        });
        const expected: State = {
          cents: old.reduce((sum, { cents }) => sum + cents, 0) + more.reduce((sum, cents) => sum + cents, 0),
          moves: old.length + more.length,
        };
        const owner = old.findLast((event) => "owner" in event)?.owner;
        const whole = { version: expected.moves, state: owner === undefined ? expected : { ...expected, owner } };
        const loaded = await query(store, async (access) =>
          Promise.all(
            [now, accountWith(undefined), accountWith({ form: 1, every: 1 })].map(async (type) => {
              const { version, state } = await accountsOf(access, type).load(id);
              return { version, state };
            }),
          ),
        );
        assert.deepEqual(loaded, [whole, whole, whole]);
      },
    ),
    { numRuns: 60 },
  );
});

const unreadable: readonly [string, Partial<ReturnType<typeof record>[number]>, RegExp][] = [
  ["nobody knows", { event: "closed" }, /event 2 of the account a, closed in version 1, is not known here/],
  ["is of a version to come", { schemaVersion: 4 }, /deposited in version 4, is not known here/],
  ["cannot be upcast", { schemaVersion: 1, eventData: "null" }, /deposited in version 1, .* could not be upcast/],
  ["is no JSON", { schemaVersion: 3, eventData: "{" }, /deposited in version 3, .* no JSON/],
  ["does not fit", { schemaVersion: 3, eventData: '{"cents":"1"}' }, /\/branch is required.*|\/cents must be integer/],
  ["comes after one that is missing", { version: 3, schemaVersion: 3 }, /event 2 of the account a, .* is missing/],
];
for (const [what, change, message] of unreadable) {
  test(`a stream with an event that ${what} cannot be loaded: the problem names stream, version and event`, async (context) => {
    const store = await (await sqlite.opener(context))();
    const [first, second] = record("a", [
      { event: "opened", schemaVersion: 1, data: { owner: "ada" }, owner: "ada", cents: 0 },
      { event: "deposited", schemaVersion: 1, data: { euros: 1 }, cents: 100 },
    ]);
    assert.ok(first !== undefined && second !== undefined);
    await inUnit(store, ({ db }) =>
      db
        .insertInto("streamEvents")
        .values([first, { ...second, ...change }])
        .execute(),
    );
    await assert.rejects(
      query(store, (access) => accountsOf(access).load("a")),
      (error) => {
        // What a newer instance wrote is for one of these to read: messages are tried again until one has it.
        const isNewer = message.source.includes("not known here");
        const problem = findProblem(error, isNewer ? "kit/stream-newer" : "kit/stream-unreadable");
        assert.equal(problem?.retryable, isNewer);
        assert.match(problem?.message ?? "", message);
        assert.equal(problem?.facts["stream"], "a");
        return true;
      },
    );
    // What cannot be read any more can still be looked at.
    const { items } = await query(store, (access) => accountsOf(access).history("a"));
    assert.deepEqual(
      items.map(({ version }) => version),
      [1, change.version ?? 2],
    );
  });
}

test("a history is read in pages, oldest first, with what the events were caused by", async (context) => {
  const store = await (await sqlite.opener(context))();
  const twentyFive = Array.from({ length: 25 }, (_, at) => deposited(at));
  await inUnit(store, async (access) => (await accountsOf(access).load("a")).append(...twentyFive));
  const first = await query(store, (access) => accountsOf(access).history("a"));
  const second = await query(store, (access) =>
    accountsOf(access).history("a", first.next === undefined ? {} : { cursor: first.next }),
  );
  assert.deepEqual([first.items.length, second.items.length, second.next], [20, 5, undefined]);
  assert.deepEqual(second.items[4], {
    version: 25,
    event: "deposited",
    schemaVersion: 3,
    data: { cents: 24, branch: "north" },
    at: "2030-03-17T17:46:40.000Z",
    correlationId: "correlation",
    causationId: "causation",
  });
  assert.deepEqual(await query(store, (access) => accountsOf(access).history("b")), { items: [] });
});

test("an event whose data does not fit is not appended, and neither is one that leads to an unfitting state", async (context) => {
  const store = await (await sqlite.opener(context))();
  const append = (cents: number) =>
    inUnit(store, async (access) => (await accountsOf(access).load("a")).append(deposited(cents)));
  await assert.rejects(append(0.5), /"deposited" of the stream "account" does not fit: \/cents must be integer/);
  const broken = stream("broken", {
    events: { happened: { version: 1, data: t.Object({}) } },
    state: t.Object({ count: t.Integer() }),
    begin: { count: 0 },
    evolve: () => ({ count: 0.5 }),
  });
  const happen = inUnit(store, async ({ db }) => {
    const given = { db, now: () => new Date(0), correlationId: "c", causationId: "c" };
    await (await streams(broken, given).load("a")).append({ type: "happened", data: {} });
  });
  await assert.rejects(
    happen,
    /After "happened" the state of a broken does not fit its schema: \/count must be integer/,
  );
  assert.deepEqual(await query(store, ({ db }) => db.selectFrom("streamEvents").selectAll().execute()), []);
});

test("a field that nobody declared is appended neither in the data of an event nor in the state", async (context) => {
  const store = await (await sqlite.opener(context))();
  const { type, data } = deposited(1);
  await assert.rejects(
    inUnit(store, async (access) =>
      (await accountsOf(access).load("a")).append({ type, data: Object.assign({ note: "x" }, data) }),
    ),
    /"deposited" of the stream "account" does not fit: .*note/,
  );
  const loose = stream("loose", {
    events: { happened: { version: 1, data: t.Object({}) } },
    state: t.Object({ count: t.Integer() }),
    begin: { count: 0 },
    evolve: ({ count }) => Object.assign({ note: "x" }, { count: count + 1 }),
  });
  const happen = inUnit(store, async ({ db }) => {
    const given = { db, now: () => new Date(0), correlationId: "c", causationId: "c" };
    await (await streams(loose, given).load("a")).append({ type: "happened", data: {} });
  });
  await assert.rejects(happen, /the state of a loose does not fit its schema: .*note/);
  assert.deepEqual(await query(store, ({ db }) => db.selectFrom("streamEvents").selectAll().execute()), []);
});

test("a snapshot with a field that the state does not have is passed over", async (context) => {
  const store = await (await sqlite.opener(context))();
  await inUnit(store, async (access) => (await accountsOf(access).load("a")).append(deposited(7)));
  const more = { state: Object.assign({ note: "x" }, { cents: -1, moves: 1 }), version: 1 };
  await inUnit(store, ({ db }) => writeSnapshot(db, accountWith({ form: 1, every: 5 }), "a", more));
  const { state } = await query(store, async (access) => accountsOf(access).load("a"));
  assert.deepEqual(state, { cents: 7, moves: 1 });
});

test("a stream that went on by another hand of the same unit is not appended to", async (context) => {
  const store = await (await sqlite.opener(context))();
  const twice = (wait: boolean) =>
    inUnit(store, async (access) => {
      const accounts = accountsOf(access);
      const [one, other] = [await accounts.load("a"), await accounts.load("a")];
      const first = one.append(deposited(1));
      if (wait) await first;
      await Promise.all([first, other.append(deposited(1))]);
    });
  await assert.rejects(twice(true), /The account a has gone on in this unit since it was loaded/);
  await assert.rejects(twice(false), /The account a has gone on in this unit since it was loaded/);
});

test("a declaration that does not hold together is refused with every fault", () => {
  const declare = () =>
    stream("Account", {
      events: {
        Opened: { version: 1, data: t.Object({ at: t.String({ format: "unheard-of" }) }) },
        closed: { version: 3, data: t.Object({}), upcast: { 1: () => ({}), 3: () => ({}) } },
      },
      state: t.Object({ count: t.Integer() }),
      begin: { count: 0.5 },
      evolve: (state) => state,
      snapshot: { form: 1, every: 0 },
    });
  for (const fault of [/not kebab-case/, /"Opened" is not named/, /unheard-of/, /no step that upcasts version 2/])
    assert.throws(declare, fault);
  assert.throws(declare, /upcasts version 3, and is at 3/);
  assert.throws(declare, /whole numbers from 1/);
});
