import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contracts, findProblem, listOrder, page, pageOf, pageQuery, t, type Endpoint } from "../contract/index.ts";
import { collection, documents } from "../documents/index.ts";
import { serveHttp } from "../http/index.ts";
import { identity, integer, prepared, real, snapshot, sql, table, text, type Db } from "../sql/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { silentLogger } from "../telemetry/index.ts";
import { operator, start, until, type TestSystem } from "../testing/index.ts";
import { service } from "./index.ts";

const summary = "";
const access = "anyone";
const bidId = t.String({ format: "uuid" });
const bids = contracts("bids");
const amounts = t.Object({ bidId, cents: t.Integer(), weight: t.Optional(t.Number()), note: t.Optional(t.Unknown()) });
const BidMade = bids.event("bid.made", {
  version: 1,
  key: "bidId",
  summary,
  data: t.Object({ bidId, cents: t.Integer() }),
});
const NoteMade = contracts("notes").event("note.made", {
  version: 1,
  key: "noteId",
  summary,
  data: t.Object({ noteId: t.String(), text: t.String() }),
});
const MakeBid = bids.endpoint("POST /bids", { summary, access, body: amounts, replies: { 201: amounts } });
const GetBid = bids.endpoint("GET /bids/{bidId}", {
  summary,
  access,
  params: t.Object({ bidId }),
  query: t.Object({ least: t.Optional(t.Integer()), also: t.Optional(t.Array(bidId)) }),
  headers: t.Object({ "x-most": t.Optional(t.Integer()) }),
  replies: { 200: t.Object({ bidId, cents: t.Integer(), also: t.Optional(t.Array(bidId)) }) },
});
const ListBids = bids.endpoint("GET /bids", {
  summary,
  access,
  query: t.Object({ ...pageQuery, least: t.Optional(t.Integer()) }),
  replies: { 200: page(t.Object({ at: t.Integer(), bidId, cents: t.Integer() })) },
});
/** What a handler computes, its entrance did not see. */
const how = t.Union([
  t.Literal("insert"),
  t.Literal("prepared"),
  t.Literal("update"),
  t.Literal("conflict"),
  t.Literal("add"),
]);
const Scale = bids.endpoint("POST /scaled", {
  summary,
  access,
  body: t.Object({ how, bidId }),
  replies: { 200: t.Object({}) },
});

const tables = {
  bids: table(
    { at: identity(), bidId: text(), cents: integer(), weight: real() },
    { indexes: [{ on: ["bidId"], unique: true }] },
  ),
};
const addBid = prepared((db: Db<typeof tables>, { id, cents }: { readonly id: string; readonly cents: number }) =>
  db.insertInto("bids").values({ bidId: id, cents, weight: 0 }),
);
const one = service("bids", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});
const byAt = listOrder("bids", t.Integer({ minimum: 1 }));
const bidsService = one.assemble(
  { MakeBid, GetBid, ListBids, Scale, BidMade },
  {
    routes: {
      MakeBid: one.handle(MakeBid, async ({ body, db, reply, publish }) => {
        await db
          .insertInto("bids")
          .values({ bidId: body.bidId, cents: body.cents, weight: body.weight ?? 0 })
          .execute();
        publish(BidMade, { bidId: body.bidId, cents: body.cents });
        return reply(201, body);
      }),
      GetBid: one.handle(GetBid, async ({ params, query, db, reply }) => {
        const found = await db
          .selectFrom("bids")
          .select(["bidId", "cents"])
          .where("bidId", "=", params.bidId)
          .executeTakeFirstOrThrow();
        return reply(200, { ...found, ...(query.also === undefined ? {} : { also: query.also }) });
      }),
      ListBids: one.handle(ListBids, async ({ query, db, reply }) =>
        reply(
          200,
          await pageOf(query, {
            order: byAt,
            read: (after = 0, limit) =>
              db
                .selectFrom("bids")
                .select(["at", "bidId", "cents"])
                .where("at", ">", after)
                .where("cents", ">=", query.least ?? 0)
                .orderBy("at")
                .limit(limit)
                .execute(),
            position: ({ at }) => at,
          }),
        ),
      ),
      Scale: one.handle(Scale, async ({ body: { how: way, bidId: id }, db, reply }) => {
        const cents = 2 ** 53;
        if (way === "prepared") await addBid(db, { id, cents });
        else if (way === "insert") await db.insertInto("bids").values({ bidId: id, cents, weight: 1 }).execute();
        else if (way === "update") await db.updateTable("bids").set({ cents }).execute();
        else if (way === "add")
          await db
            .updateTable("bids")
            .set((row) => ({ cents: row("cents", "+", Number.MAX_SAFE_INTEGER) }))
            .execute();
        else
          await db
            .insertInto("bids")
            .values({ bidId: id, cents: 1, weight: 1 })
            .onConflict((conflict) => conflict.column("bidId").doUpdateSet({ cents }))
            .execute();
        return reply(200, {});
      }),
    },
    consumers: [
      one.on(NoteMade, ({ data }) => {
        throw new Error(`No note is taken: ${data.text}`);
      }),
    ],
  },
);

const shelves = contracts("shelves");
const name = t.String({ minLength: 1, maxLength: 64 });
const Shelf = t.Object({ count: t.Integer() });
const PutShelf = shelves.endpoint("PUT /shelves/{name}", {
  summary,
  access,
  params: t.Object({ name }),
  body: Shelf,
  replies: { 200: Shelf },
});
const ListShelves = shelves.endpoint("GET /shelves", {
  summary,
  access,
  query: t.Object(pageQuery),
  replies: { 200: page(name) },
});
const shelf = collection("shelf", { schema: Shelf });
const seen = collection("seen", { schema: t.Object({ cents: t.Integer() }) });
const two = service("shelves", { store: documents({ collections: { shelf, seen } }), scope: ({ docs }) => ({ docs }) });
const byName = listOrder("shelves", name);
const shelvesService = two.assemble(
  { PutShelf, ListShelves },
  {
    routes: {
      PutShelf: two.handle(
        PutShelf,
        shelf.by(({ params }) => params.name),
        async ({ body, document, reply }) => {
          document.set(body);
          return Promise.resolve(reply(200, body));
        },
      ),
      ListShelves: two.handle(ListShelves, async ({ query, docs, reply }) => {
        const found = await pageOf(query, {
          order: byName,
          read: (after, limit) => docs.shelf.list({ limit, ...(after === undefined ? {} : { after: [after] }) }),
          position: ({ id }) => id,
        });
        return reply(200, { ...found, items: found.items.map(({ id }) => id) });
      }),
    },
    consumers: [
      two.on(
        BidMade,
        seen.by(({ data }) => data.bidId),
        async ({ data, document }) => {
          document.set({ cents: data.cents });
          return Promise.resolve();
        },
      ),
    ],
  },
);

const both = [bidsService, shelvesService];
const most = Number.MAX_SAFE_INTEGER;
const id = "0190a5b4-0000-7000-8000-00000000abcd";
const engines = [
  { engine: "SQLite", storeUrl: undefined, skip: false },
  { engine: "PostgreSQL", storeUrl: process.env["HOLDFAST_TEST_POSTGRES"], skip: postgresSkip },
] as const;

for (const { engine, storeUrl, skip } of engines) {
  const begin = async () => {
    if (storeUrl !== undefined) await tidy("DROP SCHEMA IF EXISTS bids CASCADE");
    return start(both, { expectBugs: true, ...(storeUrl === undefined ? {} : { storeUrl }) });
  };

  test(
    `${engine}: a number that would be rounded is refused at the entrance by the name of its field`,
    { skip },
    async () => {
      await using system = await begin();
      await using http = await serving(system, "bids");
      const good = `"bidId":"${system.runtime.ids.uuidv7()}"`;
      for (const [field, body] of [
        ["/cents", `{${good},"cents":9007199254740992}`],
        ["/cents", `{${good},"cents":9223372036854775808}`],
        ["/cents", `{${good},"cents":1e19}`],
        ["/weight", `{${good},"cents":1,"weight":9007199254740993}`],
        ["/note", `{${good},"cents":1,"note":9007199254740993}`],
        ["/note/0/a", `{${good},"cents":1,"note":[{"a":9007199254740993}]}`],
      ] as const)
        assert.deepEqual(await http("POST", "/bids", body), [400, "kit/invalid-request", field], body);
      assert.deepEqual(await http("GET", `/bids?least=${String(most + 1)}`), [400, "kit/invalid-request", "/least"]);
      assert.deepEqual(await http("GET", `/bids/${id}`, undefined, { "x-most": "9007199254740993" }), [
        400,
        "kit/invalid-request",
        "/x-most",
      ]);
      const largest = `{${good},"cents":${String(most)},"weight":1e300,"note":6e23}`;
      assert.equal((await http("POST", "/bids", largest))[0], 201);
      assert.equal((await http("GET", "/bids"))[0], 200);
    },
  );

  test(`${engine}: a handler cannot write a row that no list could read again`, { skip }, async () => {
    await using system = await begin();
    await system.call(MakeBid, { body: { bidId: id, cents: 7 } });
    for (const way of ["insert", "prepared", "update", "conflict", "add"] as const)
      assert.equal(
        await codeOf(
          system.call(Scale, { body: { how: way, bidId: way === "conflict" ? id : system.runtime.ids.uuidv7() } }),
        ),
        "kit/internal",
        way,
      );
    const told = system.log.flatMap(({ fields }) =>
      fields["error"] instanceof Error ? [fields["error"].message] : [],
    );
    assert.equal(told.length, 5);
    for (const message of told) assert.match(message, /cents/);
    assert.equal(
      told.filter((message) => message.includes("The column bids.cents cannot hold 9007199254740992")).length,
      4,
    );
    const { items } = (await system.call(ListBids, { query: {} })).body;
    assert.deepEqual(
      items.map(({ cents }) => cents),
      [7],
    );
  });

  test(
    `${engine}: a cursor that a list did not make is refused by every list, also of documents and of dead letters`,
    { skip },
    async () => {
      await using system = await begin();
      for (const at of [1, 2, 3]) {
        await system.call(MakeBid, { body: { bidId: system.runtime.ids.uuidv7(), cents: at } });
        await system.call(PutShelf, { params: { name: `shelf ${String(at)}` }, body: { count: at } });
        await system.inject({ type: "bid.made", key: "odd", version: 99, data: "{}" });
      }
      await system.settled();
      const endpointOf = (of: string): Endpoint => {
        const found = system.service("shelves").endpoints.find(({ route }) => route === of);
        assert.ok(found !== undefined);
        return found;
      };
      const dead = endpointOf("GET /dead-letters/shelves");
      type Query = { readonly cursor?: string; readonly limit?: number };
      const lists = {
        bids: (query: Query) => system.call(ListBids, { query }),
        least: (query: Query) => system.call(ListBids, { query: { ...query, least: 1 } }),
        shelves: (query: Query) => system.call(ListShelves, { query }),
        dead: async (query: Query) => {
          // Proof: the list of dead letters takes what every list takes, and replies with a page.
          const reply: unknown = await system.call(dead, { query, as: operator() } as never);
          return reply as { readonly body: { readonly items: readonly unknown[]; readonly next?: string } }; // Proof: see above.
        },
      };
      const cursors: Record<string, string> = {};
      for (const [list, read] of Object.entries(lists)) {
        const first = (await read({ limit: 2 })).body;
        assert.equal(first.items.length, 2, list);
        cursors[list] = first.next ?? "";
        const rest = (await read({ limit: 2, cursor: cursors[list] })).body;
        assert.deepEqual([rest.items.length, rest.next], [1, undefined], list);
      }
      for (const [list, read] of Object.entries(lists)) {
        for (const [other, cursor] of Object.entries(cursors))
          if (other !== list)
            assert.equal(await codeOf(read({ cursor })), "kit/invalid-request", `${other} for ${list}`);
        await fc.assert(
          fc.asyncProperty(cursorTexts, async (cursor) => {
            assert.equal(await codeOf(read({ cursor })), "kit/invalid-request", `${cursor} for ${list}`);
          }),
          { numRuns: 40 },
        );
      }
    },
  );

  test(`${engine}: a UUID in upper case is the same UUID, wherever it stands`, { skip }, async () => {
    await using system = await begin();
    const upper = id.toUpperCase();
    const body = { bidId: upper, cents: 5 };
    assert.equal((await system.call(MakeBid, { body })).body.bidId, id);
    assert.deepEqual(body, { bidId: upper, cents: 5 }, "what the caller has stays as it is");
    await using http = await serving(system, "bids");
    assert.deepEqual(await http("GET", `/bids/${upper}?also=${upper}`), [200, { bidId: id, cents: 5, also: [id] }]);
    const data = (cents: number) => JSON.stringify({ bidId: upper, cents });
    await system.inject({ type: "bid.made", key: upper, version: 1, data: data(6) });
    await system.inject({
      type: "bid.made",
      key: upper,
      version: 1,
      data: '{"bidId":"' + upper + '","cents":9007199254740993}',
    });
    await system.settled();
    const letters = await system.service("shelves").store.deadLetters({ limit: 9 });
    assert.deepEqual(
      letters.map(({ code, envelope }) => [code, envelope.key]),
      [["kit/invalid-message", id]],
    );
  });

  test(
    `${engine}: an error that quotes what no text column holds is kept, and its message waits`,
    { skip },
    async () => {
      await using system = await begin();
      const data = (text: string) => JSON.stringify({ noteId: "1", text });
      await system.inject({ type: "note.made", key: "1", version: 1, data: data("a\0b\ud800") });
      const { store } = system.service("bids");
      await until("the message is parked", async () => (await store.depths()).parked === 1);
    },
  );
}

const encoded = (text: string) => Buffer.from(text).toString("base64url");
const cursorTexts = fc.oneof(
  fc.string({ minLength: 1, maxLength: 500 }).filter((text) => !text.includes("\0") && text.isWellFormed()),
  fc.json().map(encoded),
  fc.constantFrom(
    "zzz",
    "bnVsbA",
    ...["1", "1.5", "1e400", "1e30", '"a\\u0000b"', '"\\ud800"', '""', "null", "{}", "[1]"].map(encoded),
  ),
);

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return findProblem(error)?.code;
  }
}

async function serving(system: TestSystem, of: string) {
  const verify = () => Promise.reject(new Error("nobody has a token"));
  const server = await serveHttp({
    service: system.service(of),
    port: 0,
    verify,
    runtime: system.runtime,
    log: silentLogger,
  });
  const ask = async (method: string, path: string, body?: string, headers: Readonly<Record<string, string>> = {}) => {
    const reply = await fetch(`${server.url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body }),
    });
    // Proof: a reply of the services above, or a problem.
    const told = (await reply.json()) as {
      readonly code?: string;
      readonly errors?: readonly { readonly field: string }[];
    };
    return told.code === undefined ? [reply.status, told] : [reply.status, told.code, told.errors?.[0]?.field];
  };
  return Object.assign(ask, { [Symbol.asyncDispose]: () => server.close(500) });
}
