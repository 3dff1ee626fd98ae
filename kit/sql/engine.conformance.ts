import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createTable } from "./ddl.ts";
import type { ColumnSpec, Engine, MaybePromise, Session } from "./engine.ts";
import { blob, boolean, identity, integer, json, real, table, text, timestamp } from "./tables.ts";

const things = table({
  seq: identity(),
  id: text(),
  count: integer().optional(),
  share: real().optional(),
  flag: boolean().optional(),
  lines: json<{ readonly sku: string }[]>().optional(),
  bytes: blob().optional(),
  at: timestamp().optional(),
});
const items = table({ itemId: text().primaryKey(), note: text().optional() }, { indexes: [{ on: ["note"] }] });

const itemColumns: readonly ColumnSpec[] = [
  { name: "itemId", type: "text" },
  { name: "note", type: "text" },
];

/** What an engine does in its own way; a text says why the tests of it do not apply. */
export interface SqlEngineTraits {
  /** A column refuses what is not of its type. */
  readonly strict: true | string;
  /** A session for readers is refused every write, by the engine itself. */
  readonly readOnly: true | string;
}

/**
 * What an `Engine` and its sessions promise, the same on every engine of the two dialects. `makeEngine` gives an empty place that the test's `after` clears
 * up. `skip` says why none of it can be tried here.
 */
export function sqlEngineConformance(
  name: string,
  makeEngine: (t: TestContext) => Promise<Engine>,
  { strict, readOnly, skip = false }: SqlEngineTraits & { readonly skip?: string | false },
): void {
  const check: Check = (does, body, trait = true) => {
    const why = skip === false && trait !== true ? trait : skip;
    void test(`${name}: ${does}`, { skip: why, timeout: 30_000 }, async (t) => {
      const engine = await makeEngine(t);
      const opened: Session[] = [];
      const open = async (role: "writer" | "reader") => {
        const session = await engine.open(role);
        opened.push(session);
        return session;
      };
      const writer = await open("writer");
      try {
        for (const [table, value] of [
          ["things", things],
          ["camelItems", items],
        ] as const)
          for (const statement of createTable(table, value, engine.name)) await writer.run(statement);
        await body({ engine, writer, open }, t);
      } finally {
        for (const session of opened) {
          await session.rollback();
          await session.close();
        }
        await engine.close();
      }
    });
  };
  values(check, strict);
  bulk(check);
  transactions(check, readOnly);
}

interface Place {
  readonly engine: Engine;
  readonly writer: Session;
  open(role: "writer" | "reader"): Promise<Session>;
}
type Check = (does: string, body: (place: Place, t: TestContext) => Promise<void>, trait?: true | string) => void;

function values(check: Check, strict: true | string): void {
  const kept: readonly (readonly [string, string, unknown])[] = [
    ["text", "id", "plain"],
    ["empty text", "id", ""],
    ["text of all planes, quotes and question marks", "id", `ä 漢 🏔️ \u{10ffff} ' " ? $1 \\ {,} NULL\n`],
    ["the largest whole number", "count", Number.MAX_SAFE_INTEGER],
    ["the smallest whole number", "count", Number.MIN_SAFE_INTEGER],
    ["nought", "count", 0],
    ["a time", "at", 1_893_456_000_123],
    ["a fraction", "share", 0.1 + 0.2],
    ["a tiny fraction", "share", 5e-324],
    ["a huge number", "share", 1.7976931348623157e308],
    ["JSON as its text", "lines", JSON.stringify([{ sku: 'a"b\\ü' }])],
    ["bytes, zero among them", "bytes", Uint8Array.from([0, 1, 127, 128, 255, 92, 39])],
    ["no bytes", "bytes", new Uint8Array()],
    ["null", "count", null],
  ];
  for (const [what, column, value] of kept) {
    check(`${what} comes back as it went in, one by one and in bulk`, async ({ writer }) => {
      const extra = column === "id" ? "" : `, "${column}"`;
      const parameters = column === "id" ? [value] : ["x", value];
      await writer.run(`INSERT INTO things (id${extra}) VALUES (?${extra === "" ? "" : ", ?"})`, parameters);
      const columns: ColumnSpec[] = [{ name: "id", type: "text" }];
      if (extra !== "") columns.push({ name: column, type: bulkTypes[column] ?? "text" });
      await writer.insertMany({ into: "things", columns, rows: [parameters] });
      const { rows } = await writer.run(`SELECT "${column}" AS value FROM things ORDER BY seq`);
      assert.deepEqual(
        rows.map((row) => row["value"]),
        [value, value],
      );
    });
  }

  check("a boolean is kept as one, and undefined is null", async ({ engine, writer }) => {
    for (const flag of [true, false, undefined])
      await writer.run("INSERT INTO things (id, flag) VALUES (?, ?)", ["x", flag]);
    const { rows } = await writer.run("SELECT flag FROM things ORDER BY seq");
    assert.deepEqual(
      rows.map(({ flag }) => flag),
      engine.name === "sqlite" ? [1, 0, null] : [true, false, null],
    );
  });

  check("a whole number beyond 2^53 is not read rather than rounded", async ({ writer }) => {
    await assert.rejects(
      promised(() => writer.run("SELECT 9007199254740993 AS count")),
      RangeError,
    );
    assert.equal((await writer.run("SELECT 1 AS count")).rows.length, 1);
  });

  check("a column takes no whole number that could not be read again, and is named", async ({ engine, writer }) => {
    const most = Number.MAX_SAFE_INTEGER;
    await writer.run("INSERT INTO things (id, count) VALUES (?, ?), (?, ?)", ["x", most, "y", -most]);
    for (const [sql, parameters] of [
      ["INSERT INTO things (id, count) VALUES (?, ?)", ["z", 2 ** 53]],
      ["INSERT INTO things (id, count) VALUES (?, ?)", ["z", 2n ** 53n + 1n]],
      ["UPDATE things SET count = count + 1 WHERE id = ?", ["x"]],
    ] as const)
      await assert.rejects(
        promised(() => writer.run(sql, parameters)),
        (error) => engine.classify(error) === "constraint" && error instanceof Error && error.message.includes("count"),
      );
    const { rows } = await writer.run("SELECT count FROM things ORDER BY seq");
    assert.deepEqual(
      rows.map(({ count }) => count),
      [most, -most],
    );
  });

  check("counts and sums are numbers", async ({ writer }) => {
    await writer.run("INSERT INTO things (id, count) VALUES (?, ?), (?, ?)", ["x", 1, "y", 4]);
    const { rows } = await writer.run("SELECT count(*) AS n, sum(count) AS s, avg(count) AS a FROM things");
    assert.deepEqual({ ...rows[0] }, { n: 2, s: 5, a: 2.5 });
  });

  check("a parameter that is no value of a column is refused before it is sent", async ({ writer }) => {
    for (const bad of [{ a: 1 }, ["a"], new Date(0), Symbol("s")])
      await assert.rejects(
        promised(() => writer.run("INSERT INTO things (id) VALUES (?)", [bad])),
        TypeError,
      );
    assert.equal((await writer.run("SELECT id FROM things")).rows.length, 0);
  });

  check(
    "a column refuses what is not of its type",
    async ({ writer }) => {
      for (const [column, value] of [
        ["count", "many"],
        ["count", 1.5],
        ["share", "half"],
        ["flag", 2],
      ] as const)
        await assert.rejects(
          promised(() => writer.run(`INSERT INTO things (id, "${column}") VALUES (?, ?)`, ["x", value])),
          Error,
          `${column} took ${String(value)}`,
        );
      assert.equal((await writer.run("SELECT id FROM things")).rows.length, 0);
    },
    strict,
  );

  check("question marks in text, names and comments are no parameters", async ({ writer }) => {
    const { rows } = await writer.run(`SELECT 'it''s?' AS "a?", CAST(? AS text) AS b /* ? */ -- ?`, ["c"]);
    assert.deepEqual({ ...rows[0] }, { "a?": "it's?", b: "c" });
  });

  check("a statement used again and again gives what is there each time", async ({ writer }) => {
    for (let count = 0; count < 5; count += 1) {
      await writer.run("INSERT INTO things (id, count) VALUES (?, ?)", [`x${String(count)}`, count]);
      const { rows, changes } = await writer.run("SELECT id FROM things WHERE count <= ?", [count]);
      assert.deepEqual([rows.length, changes], [count + 1, count + 1]);
    }
    assert.equal((await writer.run("UPDATE things SET count = ? WHERE count > ?", [9, 2])).changes, 2);
    assert.equal((await writer.run("DELETE FROM things WHERE count = ?", [7])).changes, 0);
  });
}

const bulkTypes: Readonly<Record<string, ColumnSpec["type"]>> = {
  count: "bigint",
  at: "bigint",
  share: "double precision",
  bytes: "bytea",
};

function bulk(check: Check): void {
  check("rows in bulk are numbered in the order given", async ({ writer }) => {
    const ids = Array.from({ length: 300 }, (_, at) => `id ${String(999 - at)}`);
    const rows = await writer.insertMany({
      into: "things",
      columns: [{ name: "id", type: "text" }],
      rows: ids.map((id) => [id]),
      returning: ["seq", "id"],
    });
    assert.deepEqual(
      rows.map(({ id }) => id),
      ids,
    );
    const seqs = rows.map(({ seq }) => Number(seq));
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
  });

  check("of rows in bulk only those are returned that were not there", async ({ writer }) => {
    await writer.run(`INSERT INTO "camelItems" ("itemId") VALUES (?)`, ["b"]);
    for (const returning of [["itemId"], ["itemId", "note"]]) {
      const rows = await writer.insertMany({
        into: "camelItems",
        columns: itemColumns,
        rows: [
          ["a", "1"],
          ["b", "2"],
          ["c", null],
          ["a", "3"],
        ],
        onConflict: "nothing",
        returning,
      });
      const expected = [
        { itemId: "a", note: "1" },
        { itemId: "c", note: null },
      ].map((row) => (returning.length === 2 ? row : { itemId: row.itemId }));
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        expected,
      );
      await writer.run(`DELETE FROM "camelItems" WHERE "itemId" <> ?`, ["b"]);
    }
  });

  check("of rows in bulk that replace others under a condition, those that did are returned", async ({ writer }) => {
    await writer.run(`INSERT INTO "camelItems" ("itemId", note) VALUES ('a', 'old'), ('b', 'kept')`);
    const rows = await writer.insertMany({
      into: "camelItems",
      columns: itemColumns,
      rows: ["a", "b", "c"].map((id) => [id, "new"]),
      onConflict: `("itemId") DO UPDATE SET note = excluded.note WHERE "camelItems".note <> 'kept'`,
      returning: ["itemId"],
    });
    assert.equal(rows.map(({ itemId }) => itemId).join(), "a,c");
    const { rows: found } = await writer.run(`SELECT note FROM "camelItems" ORDER BY "itemId"`);
    assert.equal(found.map(({ note }) => note).join(), "new,kept,new");
  });

  check("without a word on conflicts, one conflict refuses all rows of a transaction's bulk", async (place) => {
    const { writer, engine } = place;
    await writer.begin("write");
    await writer.savepoint();
    const twice = promised(() =>
      writer.insertMany({ into: "camelItems", columns: itemColumns.slice(0, 1), rows: [["a"], ["a"]] }),
    );
    assert.equal(engine.classify(await reasonOf(twice)), "unique");
    await writer.rollbackToSavepoint();
    await writer.commit();
    assert.equal((await writer.run(`SELECT * FROM "camelItems"`)).rows.length, 0);
  });

  check("no rows are no statement", async ({ writer }) => {
    assert.deepEqual(await writer.insertMany({ into: "nowhere", columns: itemColumns, rows: [] }), []);
  });

  check("a list of values is looked up and deleted as one", async ({ writer }) => {
    await writer.insertMany({
      into: "things",
      columns: [
        { name: "id", type: "text" },
        { name: "count", type: "bigint" },
      ],
      rows: ["a", "b", 'c"{},'].map((id, at) => [id, at]),
    });
    const list = { type: "text", values: ["a", 'c"{},', "z"] } as const;
    const found = await writer.runWithList("SELECT id FROM things WHERE count >= ? AND id", [0], list);
    assert.deepEqual(new Set(found.rows.map(({ id }) => id)), new Set(["a", 'c"{},']));
    const none = await writer.runWithList("SELECT id FROM things WHERE id", [], { type: "text", values: [] });
    assert.equal(none.rows.length, 0);
    const gone = await writer.runWithList("DELETE FROM things WHERE count", [], { type: "bigint", values: [0, 1, 7] });
    assert.equal(gone.changes, 2);
  });
}

function transactions(check: Check, readOnly: true | string): void {
  const insert = (session: Session, id: string) => session.run(`INSERT INTO "camelItems" ("itemId") VALUES (?)`, [id]);
  const ids = async (session: Session) =>
    (await session.run(`SELECT "itemId" FROM "camelItems" ORDER BY "itemId"`)).rows.map(({ itemId }) => itemId);

  check("what is rolled back was never there, what is committed others see", async ({ writer, open }) => {
    const reader = await open("reader");
    await writer.begin("write");
    assert.equal(writer.inTransaction(), true);
    await insert(writer, "a");
    await writer.rollback();
    assert.equal(writer.inTransaction(), false);
    await writer.begin("write");
    await insert(writer, "b");
    assert.deepEqual(await ids(reader), []);
    await writer.commit();
    assert.deepEqual([await ids(reader), writer.inTransaction()], [["b"], false]);
  });

  check("a rollback without a transaction is nothing", async ({ writer }) => {
    await writer.rollback();
    await insert(writer, "a");
    assert.deepEqual(await ids(writer), ["a"]);
  });

  check("a savepoint takes back its own part, again and again", async ({ writer }) => {
    await writer.begin("write");
    for (const [id, keep] of [
      ["a", true],
      ["b", false],
      ["c", true],
    ] as const) {
      await writer.savepoint();
      await insert(writer, id);
      await (keep ? writer.release() : writer.rollbackToSavepoint());
    }
    await writer.commit();
    assert.deepEqual(await ids(writer), ["a", "c"]);
  });

  check("after a failed statement a savepoint saves the rest of the transaction", async ({ writer }) => {
    await writer.begin("write");
    await insert(writer, "a");
    await writer.savepoint();
    await assert.rejects(promised(() => insert(writer, "a")));
    assert.equal(writer.inTransaction(), true);
    await writer.rollbackToSavepoint();
    await insert(writer, "b");
    await writer.commit();
    assert.deepEqual(await ids(writer), ["a", "b"]);
  });

  check("a reader sees one snapshot in a transaction", async ({ writer, open }) => {
    const reader = await open("reader");
    await reader.begin("read");
    assert.deepEqual(await ids(reader), []);
    await insert(writer, "a");
    assert.deepEqual(await ids(reader), []);
    await reader.rollback();
    assert.deepEqual(await ids(reader), ["a"]);
  });

  const readersCannot = async ({ writer, open }: Place) => {
    const reader = await open("reader");
    await insert(writer, "a");
    for (const statement of [
      `INSERT INTO "camelItems" ("itemId") VALUES ('b')`,
      `DELETE FROM "camelItems"`,
      `DROP TABLE "camelItems"`,
      "CREATE TABLE more (a text)",
    ])
      await assert.rejects(promised(() => reader.run(statement)));
    assert.deepEqual(await ids(writer), ["a"]);
  };
  check("a reader cannot write", readersCannot, readOnly);

  check("errors are classified", async ({ engine, writer }) => {
    const kind = async (statement: string, ...parameters: unknown[]) =>
      engine.classify(await reasonOf(promised(() => writer.run(statement, parameters))));
    await insert(writer, "a");
    assert.equal(await kind(`INSERT INTO "camelItems" ("itemId") VALUES (?)`, "a"), "unique");
    assert.equal(await kind("INSERT INTO things (id) VALUES (?)", null), "constraint");
    assert.equal(await kind("SELECT nothing FROM nowhere"), "other");
    assert.equal(await kind("no statement"), "other");
    for (const other of [new Error("any"), undefined, "text", { code: "40001" }])
      assert.equal(engine.classify(other), "other");
  });
}

/** A rejection, where SQLite throws at once. */
const promised = async <T>(work: () => MaybePromise<T>): Promise<T> => work();

const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail("nothing failed"),
    (error: unknown) => error,
  );
