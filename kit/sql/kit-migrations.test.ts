import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { freshPostgres, freshSqlite, postgresSkip } from "./fixtures/engines.ts";
import { kitMigrations } from "./kit-migrations/index.ts";
import { kitTables } from "./kit-tables.ts";
import { migrationFaults } from "./migrations.ts";
import { openStore } from "./sql.ts";

const onFatal = (error: unknown) => {
  throw error;
};
const engines = [
  {
    name: "SQLite",
    fresh: async (t: TestContext) => {
      const engine = await freshSqlite(t);
      return { ...engine, again: () => engine };
    },
    skip: false,
    advice: /Remove the data folder \(\.\/\.holdfast, or where HOLDFAST_DATA is\)/,
  },
  {
    name: "PostgreSQL",
    fresh: freshPostgres,
    skip: postgresSkip,
    advice: /Drop the schema "shop", remove the data folder/,
  },
] as const;

void test("the kit's migrations lead to the kit's tables", () => {
  assert.deepEqual(migrationFaults(kitTables, kitMigrations), []);
});

for (const { name, fresh, skip, advice } of engines) {
  void test(
    `${name}: a store of an earlier checkout is refused, and the sentence says what to remove`,
    { skip },
    async (t) => {
      const engine = await fresh(t);
      const place = { name: "shop", runtime: controlledRuntime(), onFatal };
      const tables = { tables: {}, migrations: [{ name: "0001-initial", snapshot: {} }] };
      const session = await engine.open("writer");
      await session.run(
        "CREATE TABLE holdfast_migrations (owner TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL)",
      );
      await session.run(
        "INSERT INTO holdfast_migrations (owner, name, checksum) VALUES ('holdfast', '0001-initial', 'of before')",
      );
      await session.close();
      await assert.rejects(openStore(engine, place, tables), (error: Error) => {
        assert.match(
          error.message,
          /^The store of shop was made by an earlier version of Holdfast, before its first release/,
        );
        assert.match(error.message, advice);
        return true;
      });
    },
  );

  void test(`${name}: all that open a store have one secret, whoever is first`, { skip }, async (t) => {
    const engine = await fresh(t);
    const tables = { tables: {}, migrations: [{ name: "0001-initial", snapshot: {} }] };
    const open = (seed: number) =>
      openStore(engine.again(), { name: "shop", runtime: controlledRuntime({ seed }), onFatal }, tables);
    const stores = await Promise.all([1, 2, 3].map(open));
    const later = await open(4);
    assert.equal(new Set([...stores, later].map(({ derivation }) => derivation.id("a"))).size, 1);
    assert.equal(new Set([...stores, later].map(({ id }) => id)).size, 1);
    for (const store of [...stores, later]) await store.close();
  });
}
