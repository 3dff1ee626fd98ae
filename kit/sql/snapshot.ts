import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { diff, snapshot, type Migration } from "./migrations.ts";
import type { Tables } from "./tables.ts";

export interface NewMigration {
  /** What it is about, in small letters and dashes: `add-notes`. The number is put before it. */
  readonly about: string;
  readonly tables: Tables;
  /** Those that there are, in their order. */
  readonly migrations: readonly Migration[];
}

const fileName = /^\d{4}-[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/**
 * Writes `<number>-<about>.ts` with the tables as they are, and `index.ts` that lists all migrations of the folder. Resolves to the path.
 * Refused: a change that a migration cannot make, no change at all, and a name that is taken.
 */
export async function writeMigration(folder: string, { about, tables, migrations }: NewMigration): Promise<string> {
  const name = `${String(migrations.length + 1).padStart(4, "0")}-${about}`;
  if (!fileName.test(name)) throw new Error(`"${about}" is no name of a migration: small letters, digits and dashes.`);
  const next = snapshot(tables);
  // Both engines refuse the same.
  if (diff(migrations.at(-1)?.snapshot ?? {}, next, "sqlite").length === 0)
    throw new Error(`There is nothing to migrate: the tables are as ${migrations.at(-1)?.name ?? "an empty store"}.`);
  const names = (await readdir(folder))
    .flatMap((file) => (fileName.test(path.parse(file).name) && file.endsWith(".ts") ? [path.parse(file).name] : []))
    .toSorted((a, b) => (a < b ? -1 : 1));
  if (names.length !== migrations.length || names.some((each, at) => migrations[at]?.name !== each))
    throw new Error(`The migrations that are listed are not those in ${folder}: ${names.join(", ")}.`);
  if (names.some((each) => constant(each) === constant(name)))
    throw new Error(`There is a migration about "${about}" already.`);
  const file = path.join(folder, `${name}.ts`);
  // `wx`: what is there is never overwritten.
  await writeFile(file, source({ name, snapshot: next }), { flag: "wx" });
  await writeFile(path.join(folder, "index.ts"), list([...names, name]));
  return file;
}

/** `0002-add-notes` becomes `addNotes`. */
const constant = (name: string): string =>
  name.slice(5).replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const source = (migration: Migration): string =>
  `import type { Migration } from "holdfast/sql";

export const ${constant(migration.name)}: Migration = ${JSON.stringify(migration, undefined, 2)};
`;

const list = (names: readonly string[]): string =>
  `${names.map((name) => `import { ${constant(name)} } from "./${name}.ts";`).join("\n")}

/** In the order in which they are applied. */
export const migrations = [${names.map(constant).join(", ")}];
`;
