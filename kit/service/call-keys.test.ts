import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, t } from "../contract/index.ts";
import { identity, snapshot, sql, table, text } from "../sql/index.ts";
import { start, type TestSystem } from "../testing/index.ts";
import { service, type Service } from "./index.ts";

const Ordered = contracts("shop").event("ordered", {
  version: 1,
  key: "id",
  summary: "Things were ordered",
  data: t.Object({ id: t.String() }),
});
const Make = contracts("maker").endpoint("POST /things", {
  summary: "Make a thing",
  access: "anyone",
  idempotent: true,
  query: t.Object({ colour: t.Optional(t.String()), size: t.Optional(t.String()) }),
  body: t.Object({ item: t.String() }),
  replies: { 201: t.Object({ at: t.Integer() }) },
});
const Order = contracts("asker").endpoint("POST /orders", {
  summary: "Have things made",
  access: "anyone",
  idempotent: true,
  body: t.Object({ items: t.Array(t.String()) }),
  replies: { 201: t.Object({ made: t.Array(t.Integer()) }) },
});

type Ask = (item: string, query?: { colour?: string; size?: string }, idempotencyKey?: string) => Promise<number>;

/** `maker` makes one thing a key; `plan` asks it for things, in a consumer's `prepare`. */
function factory(plan: (ask: Ask, attempt: number) => Promise<unknown>): readonly Service[] {
  const tables = { things: table({ at: identity(), item: text() }) };
  const migrations = [{ name: "0001-initial", snapshot: snapshot(tables) }];
  const maker = service("maker", { store: sql({ tables, migrations }), scope: ({ db }) => ({ db }) });
  const asker = service("asker", { store: sql({ tables, migrations }), scope: ({ db }) => ({ db }) });
  return [
    maker.assemble(
      { Make },
      {
        routes: {
          Make: maker.handle(Make, async ({ body: { item }, db, reply }) => {
            const { at } = await db.insertInto("things").values({ item }).returning("at").executeTakeFirstOrThrow();
            return reply(201, { at });
          }),
        },
        consumers: [],
      },
    ),
    asker.assemble(
      { Order },
      {
        routes: {
          Order: asker.handle(Order, {
            prepare: async ({ body, call }) => {
              const made: number[] = [];
              for (const item of body.items) made.push((await call(Make, { query: {}, body: { item } })).body.at);
              return made;
            },
            run: async ({ prepared: made, db, reply }) => {
              await db.insertInto("things").values({ item: "order" }).execute();
              return reply(201, { made });
            },
          }),
        },
        consumers: [
          asker.on(Ordered, {
            prepare: ({ call, message }) =>
              plan(
                async (item, query = {}, idempotencyKey) =>
                  (
                    await call(Make, {
                      query,
                      body: { item },
                      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
                    })
                  ).body.at,
                message.attempt,
              ),
            run: () => Promise.resolve(),
            retry: { attempts: 5, baseMs: 1, capMs: 5 },
          }),
        ],
      },
    ),
  ];
}
const order = (system: TestSystem, id = "o1") =>
  system.inject({ type: "ordered", key: id, data: JSON.stringify({ id }) });
const later = () => Promise.reject(new Error("not now"));
const foreignEvents = ["ordered"];

test("a repeated message that makes its calls in another order, or fewer of them, repeats each of them under its own key", async () => {
  const made: Record<string, number>[] = [];
  const rounds = [
    ["a", "b", "c"],
    ["c", "b"],
    ["b", "a", "c"],
  ];
  const plan = async (ask: Ask, attempt: number) => {
    const round: Record<string, number> = {};
    for (const item of rounds[attempt - 1] ?? []) round[item] = await ask(item);
    made.push(round);
    if (attempt < rounds.length) await later();
  };
  await using system = await start(factory(plan), { foreignEvents });
  await order(system);
  await system.settled();
  assert.deepEqual(made, [
    { a: 1, b: 2, c: 3 },
    { c: 3, b: 2 },
    { b: 2, a: 1, c: 3 },
  ]);
  assert.deepEqual(await system.service("asker").store.deadLetters({ limit: 5 }), []);
});

test("equal calls of one run are told apart, other requests and other messages too, and a key of one's own stays", async () => {
  const made: number[][] = [];
  const plan = async (ask: Ask, attempt: number) => {
    const together = await Promise.all([ask("a"), ask("a"), ask("a", { size: "m", colour: "red" }), ask("b")]);
    // The names in another order are no other request: it is the second of its kind.
    const second = await ask("a", { colour: "red", size: "m" });
    made.push([...together, second, await ask("mine", {}, "my-own"), await ask("mine", {}, "my-own")]);
    if (attempt < 2) await later();
  };
  await using system = await start(factory(plan), { foreignEvents });
  await order(system, "o1");
  await system.settled();
  const [first = [], again] = made;
  assert.deepEqual(again, first);
  assert.equal(new Set(first).size, 6);
  assert.equal(first.at(-1), first.at(-2));
  await order(system, "o2");
  await system.settled();
  assert.equal(new Set([...first, ...(made.at(-1) ?? [])]).size, 11);
});

test("a request under a key repeats its calls under theirs; without a key they are new ones", async () => {
  await using system = await start(
    factory(() => Promise.resolve()),
    { foreignEvents },
  );
  const ask = async (idempotencyKey?: string) => {
    const asked = { body: { items: ["a", "b"] }, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
    return (await system.call(Order, asked)).body.made;
  };
  assert.deepEqual(await ask("k"), [1, 2]);
  assert.deepEqual(await ask("k"), [1, 2]);
  assert.deepEqual(await ask("other"), [3, 4]);
  assert.deepEqual(await ask(), [5, 6]);
  assert.deepEqual(await ask(), [7, 8]);
});
