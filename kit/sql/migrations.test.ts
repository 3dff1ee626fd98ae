import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Engine } from "./engine.ts";
import {
  freshPostgres,
  freshSqlite,
  migrateAlone,
  onServer,
  postgresSkip,
  waitingForLocks,
} from "./fixtures/engines.ts";
import { diff, migrate, snapshot, type Migration } from "./migrations.ts";
import { boolean, identity, integer, json, table, text, type Tables } from "./tables.ts";

const orders = table({ id: text().primaryKey(), total: integer() }, { indexes: [{ on: ["total"] }] });
const step = (name: string, tables: Tables): Migration => ({ name, snapshot: snapshot(tables) });

const engines: readonly (readonly [
  string,
  string | false,
  (t: TestContext) => Promise<Engine & { again(): Engine }>,
])[] = [
  ["SQLite", false, async (t) => withAgain(await freshSqlite(t))],
  ["PostgreSQL", postgresSkip, freshPostgres],
];
const withAgain = (engine: Engine) => ({ ...engine, again: () => engine });

for (const [name, skip, makeEngine] of engines) {
  const check = (does: string, body: (engine: Engine & { again(): Engine }, t: TestContext) => Promise<void>): void => {
    void test(`${name}: ${does}`, { skip, timeout: 30_000 }, async (t) => body(await makeEngine(t), t));
  };
  const rowsOf = async (engine: Engine, sql: string) => {
    const session = await engine.open("reader");
    try {
      return (await session.run(sql)).rows.map((row) => ({ ...row }));
    } finally {
      await session.close();
    }
  };

  check("processes that start at the same time migrate once", async (engine) => {
    const migrations = [
      step("0001-initial", { orders }),
      step("0002-more", { orders, items: table({ seq: identity() }) }),
    ];
    await Promise.all(Array.from({ length: 5 }, () => migrateAlone(engine.again(), "shop", migrations)));
    assert.deepEqual(await rowsOf(engine, "SELECT owner, name FROM holdfast_migrations ORDER BY name"), [
      { owner: "shop", name: "0001-initial" },
      { owner: "shop", name: "0002-more" },
    ]);
  });

  check("where nothing is pending, a process starts while another one writes", async (engine) => {
    const migrations = [step("0001-initial", { orders })];
    await migrateAlone(engine, "shop", migrations);
    const other = await engine.open("writer");
    await other.begin("write");
    await other.run("INSERT INTO orders (id, total) VALUES ('a', 1)");
    await migrateAlone(engine.again(), "shop", migrations);
    await other.rollback();
    await other.close();
  });

  check("what was applied is not applied again, by whichever owner", async (engine) => {
    await migrateAlone(engine, "kit", [step("0001-initial", { orders })]);
    await migrateAlone(engine, "kit", [step("0001-initial", { orders })]);
    await migrateAlone(engine, "shop", [step("0001-initial", { items: table({ seq: identity() }) })]);
    assert.equal((await rowsOf(engine, "SELECT owner FROM holdfast_migrations")).length, 2);
  });

  check(
    "a migration that was changed after it had been applied is refused, and nothing else is done",
    async (engine) => {
      await migrateAlone(engine, "shop", [step("0001-initial", { orders })]);
      const changed = { orders: table({ id: text().primaryKey(), total: integer().optional() }) };
      await assert.rejects(
        migrateAlone(engine, "shop", [step("0001-initial", changed), step("0002-more", { ...changed, items: orders })]),
        /The migration 0001-initial of shop was changed after it had been applied/,
      );
      assert.equal((await rowsOf(engine, "SELECT name FROM holdfast_migrations")).length, 1);
      await assert.rejects(rowsOf(engine, "SELECT * FROM items"));
    },
  );

  check(
    "a migration that was renamed, or merged before an applied one, is refused by service and name",
    async (engine) => {
      const more = { orders, items: table({ seq: identity() }) };
      await migrateAlone(engine, "shop", [step("0001-initial", { orders }), step("0002-items", more)]);
      const renamed = [step("0001-initial", { orders }), step("0002-lines", more)];
      await assert.rejects(
        migrateAlone(engine, "shop", renamed),
        /^Error: The migration 0002-lines of shop cannot be applied: .*items.*The store has applied 0002-items, .*restore the name of a migration that was renamed/,
      );
      const other = { ...more, notes: table({ id: text().primaryKey() }) };
      const before = [
        step("0001-initial", { orders }),
        step("0002-a", { orders, notes: other.notes }),
        step("0002-items", other),
      ];
      await assert.rejects(migrateAlone(engine, "shop", before), /changed after it had been applied/);
      const early = [step("0000-early", {}), step("0001-initial", { orders }), step("0002-items", more)];
      await assert.rejects(
        migrateAlone(engine, "shop", early),
        /The migration 0000-early of shop is not applied, but 0002-items behind it is\. Move new migrations to the end/,
      );
      await assert.rejects(rowsOf(engine, "SELECT * FROM notes"));
      assert.equal((await rowsOf(engine, "SELECT name FROM holdfast_migrations")).length, 2);
    },
  );

  check("a migration that fails half way leaves nothing of it, and can be repeated", async (engine) => {
    const session = await engine.open("writer");
    await migrateAlone(engine, "shop", []);
    await session.run('CREATE TABLE "second" (a text)');
    const tables = { first: orders, second: table({ id: text().primaryKey() }) };
    await assert.rejects(migrateAlone(engine, "shop", [step("0001-initial", tables)]));
    await assert.rejects(rowsOf(engine, 'SELECT * FROM "first"'));
    await session.run('DROP TABLE "second"');
    await session.close();
    await migrateAlone(engine, "shop", [step("0001-initial", tables)]);
    assert.deepEqual(await rowsOf(engine, 'SELECT * FROM "first"'), []);
  });

  check("of all that is pending nothing is left where one of it fails, whoever owns it", async (engine) => {
    const session = await engine.open("writer");
    await session.run('CREATE TABLE "second" (a text)');
    const pending = [
      { owner: "kit", migrations: [step("0001-initial", { first: orders })] },
      { owner: "shop", migrations: [step("0001-initial", { second: orders })] },
    ];
    await assert.rejects(migrate({ engine, session }, pending));
    await assert.rejects(rowsOf(engine, 'SELECT * FROM "first"'));
    await session.run('DROP TABLE "second"');
    await migrate({ engine, session }, pending);
    assert.deepEqual(await rowsOf(engine, 'SELECT * FROM "first"'), []);
    await session.close();
  });

  check("defaults fill the rows that are there, whatever their kind", async (engine) => {
    const before = { things: table({ id: text().primaryKey() }) };
    const after = {
      things: table({
        id: text().primaryKey(),
        yes: boolean().defaultTo(true),
        no: boolean().defaultTo(false),
        quote: text().defaultTo('it\'s "?"'),
        less: integer().defaultTo(-3),
        lines: json<{ readonly a: string }>().defaultTo({ a: "'" }),
        none: text().optional(),
      }),
    };
    await migrateAlone(engine, "shop", [step("0001-initial", before)]);
    const session = await engine.open("writer");
    await session.run("INSERT INTO things (id) VALUES (?)", ["old"]);
    await migrateAlone(engine, "shop", [step("0001-initial", before), step("0002-more", after)]);
    await session.run("INSERT INTO things (id) VALUES (?)", ["new"]);
    await session.close();
    const [yes, no] = engine.name === "sqlite" ? [1, 0] : [true, false];
    const rest = { yes, no, quote: 'it\'s "?"', less: -3, lines: `{"a":"'"}`, none: null };
    assert.deepEqual(await rowsOf(engine, "SELECT * FROM things ORDER BY id"), [
      { id: "new", ...rest },
      { id: "old", ...rest },
    ]);
  });

  check("names that are words of SQL, or share what an index is called by, do no harm", async (engine) => {
    const long = "aColumnWithARatherLongNameThatIsStillAllowed";
    await migrateAlone(engine, "shop", [
      step("0001-initial", {
        order: table({ select: text().primaryKey(), group: integer() }, { indexes: [{ on: ["group"] }] }),
        order_group: table({ select: text().primaryKey() }),
        a_b: table({ c: text().primaryKey() }, { indexes: [{ on: ["c"] }] }),
        a: table({ b_c: text().primaryKey() }, { indexes: [{ on: ["b_c"] }, { on: ["b_c"], unique: true }] }),
        wide: table(
          { [`${long}One`]: text().primaryKey(), [`${long}Two`]: text(), [`${long}Three`]: text() },
          { indexes: [{ on: [`${long}Two`, `${long}One`] }, { on: [`${long}Two`, `${long}Three`] }] },
        ),
      }),
    ]);
    assert.deepEqual(await rowsOf(engine, 'SELECT "select", "group" FROM "order"'), []);
  });
}

void test(
  "PostgreSQL: who waited while another process migrated sees what it has done",
  { skip: postgresSkip },
  async (t) => {
    const engine = await freshPostgres(t);
    const migrations = [
      step("0001-initial", { orders }),
      step("0002-more", { orders, items: table({ seq: identity() }) }),
    ];
    await onServer(async (holder) => {
      // The lock under which migrations run: all of them line up behind it, and go on from one moment.
      await holder.query("SELECT pg_advisory_lock(7235610941)");
      const migrating = Array.from({ length: 4 }, () => migrateAlone(engine.again(), "shop", migrations));
      await waitingForLocks(holder, 4, "advisory");
      await holder.query("SELECT pg_advisory_unlock(7235610941)");
      await Promise.all(migrating);
    });
  },
);

void test("whatever does not create or add is refused by name", () => {
  const base = { orders, items: table({ id: text().primaryKey(), note: text().optional() }) };
  const refusals: readonly (readonly [Tables, RegExp])[] = [
    [{ orders }, /drop the table items/],
    [{ ...base, items: table({ id: text().primaryKey() }) }, /drop the column items\.note/],
    [{ ...base, items: table({ id: text().primaryKey(), note: text() }) }, /change the column items\.note/],
    [
      { ...base, items: table({ id: text().primaryKey(), note: integer().optional() }) },
      /change the column items\.note/,
    ],
    [{ ...base, items: table({ id: text(), note: text().optional() }) }, /change the primary key of items/],
    [{ ...base, orders: table({ id: text().primaryKey(), total: integer() }) }, /drop the index orders\(total\)/],
    [
      {
        ...base,
        orders: table({ id: text().primaryKey(), total: integer() }, { indexes: [{ on: ["total"], unique: true }] }),
      },
      /drop the index orders\(total\)/,
    ],
    [
      { ...base, items: table({ id: text().primaryKey(), note: text().optional(), more: text() }) },
      /add items\.more without a default/,
    ],
  ];
  for (const [next, refusal] of refusals)
    for (const dialect of ["sqlite", "postgres"] as const)
      assert.throws(() => diff(snapshot(base), snapshot(next), dialect), refusal);
  assert.deepEqual(diff(snapshot(base), snapshot(base), "sqlite"), []);
});

void test("an identity is its table's only one and its primary key alone", () => {
  assert.throws(() => table({ a: identity(), b: identity() }), /An identity is the only one/);
  assert.throws(() => table({ a: identity(), b: text() }, { primaryKey: ["b"] }), /primary key alone: a/);
});
