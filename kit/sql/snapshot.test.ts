import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { migrationFaults, snapshot, type Migration } from "./migrations.ts";
import { writeMigration } from "./snapshot.ts";
import { integer, table, text } from "./tables.ts";

const first = { orders: table({ id: text().primaryKey() }) };
const second = {
  orders: table(
    { id: text().primaryKey(), note: text().optional(), count: integer().defaultTo(0) },
    { indexes: [{ on: ["note"] }] },
  ),
};

async function folderOf(t: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), "holdfast-migrations-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The migrations of a folder as a program gets them: by running its index. */
async function load(folder: string): Promise<readonly Migration[]> {
  // Only types come from the kit, which is not installed beside it.
  const url = `${pathToFileURL(path.join(folder, "index.ts")).href}?${String(performance.now())}`;
  const loaded = (await import(url)) as { readonly migrations: readonly Migration[] };
  return loaded.migrations;
}

test("migrations that are written one after another run as they are and lead to the tables", async (t) => {
  const folder = await folderOf(t);
  const file = await writeMigration(folder, { about: "initial", tables: first, migrations: [] });
  assert.equal(path.basename(file), "0001-initial.ts");
  const one = await load(folder);
  assert.deepEqual(one, [{ name: "0001-initial", snapshot: snapshot(first) }]);
  await writeMigration(folder, { about: "add-2-notes", tables: second, migrations: one });
  const two = await load(folder);
  assert.deepEqual(
    two.map(({ name }) => name),
    ["0001-initial", "0002-add-2-notes"],
  );
  assert.deepEqual(migrationFaults(second, two), []);
});

test("a table that was changed without a migration is a fault that names the last one", () => {
  const migrations = [{ name: "0001-initial", snapshot: snapshot(first) }];
  assert.deepEqual(migrationFaults(first, migrations), []);
  assert.match(migrationFaults(second, migrations).join(), /the tables differ from .*0001-initial/);
  assert.match(migrationFaults(first, []).join(), /there is no migration/);
});

test("nothing is written when there is nothing to migrate, or what cannot be", async (t) => {
  const folder = await folderOf(t);
  const migrations = [{ name: "0001-initial", snapshot: snapshot(second) }];
  await writeFile(path.join(folder, "0001-initial.ts"), "");
  const write = (about: string, tables: typeof first | typeof second, known: readonly Migration[] = migrations) =>
    writeMigration(folder, { about, tables, migrations: known });
  await assert.rejects(write("nothing", second), /nothing to migrate: the tables are as 0001-initial/);
  await assert.rejects(write("drop", first), /cannot drop the column orders\.note/);
  for (const bad of ["", "Big", "a b", "../a", "a--b", "1st"])
    await assert.rejects(write(bad, first), /no name of a migration/);
  await assert.rejects(write("again", first, []), /are not those in .*0001-initial/);
  await writeMigration(folder, {
    about: "more",
    tables: { ...second, more: table({ id: text().primaryKey() }) },
    migrations,
  });
  assert.equal(await readFile(path.join(folder, "0001-initial.ts"), "utf8"), "");
});

test("two migrations about the same thing need two names", async (t) => {
  const folder = await folderOf(t);
  await writeMigration(folder, { about: "initial", tables: first, migrations: [] });
  const migrations = await load(folder);
  await assert.rejects(
    writeMigration(folder, { about: "initial", tables: second, migrations }),
    /a migration about "initial" already/,
  );
});
