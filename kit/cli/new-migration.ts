import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { writeMigration, type Migration, type Tables } from "../sql/index.ts";
import { Refusal } from "./refusal.ts";

export interface MigrationWanted {
  /** The folder of the service. */
  readonly service: string;
  /** `add-author`. */
  readonly about: string;
}

/** Writes the next migration of a service, and lists it. Resolves to a sentence that says where; throws a `Refusal`. */
export async function newMigration(cwd: string, { service, about }: MigrationWanted): Promise<string> {
  const folder = path.resolve(cwd, service);
  const file = path.join(folder, "tables.ts");
  if (!existsSync(file)) throw new Refusal(`${path.join(service, "tables.ts")} is not there: name a service's folder.`);
  const tables = await exported(file, "tables");
  const migrations = path.join(folder, "migrations");
  const list = path.join(migrations, "index.ts");
  const known = existsSync(list) ? await exported(list, "migrations") : [];
  await mkdir(migrations, { recursive: true });
  try {
    // Proof: the service's own values; it would not start with others.
    const written = await writeMigration(migrations, {
      about,
      tables: tables as Tables,
      migrations: known as readonly Migration[],
    });
    return `${path.relative(cwd, written)} is written, and listed beside it.`;
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function exported(file: string, name: string): Promise<unknown> {
  const loaded: unknown = await import(pathToFileURL(file).href);
  const value: unknown = typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, name) : undefined;
  if (value === undefined) throw new Refusal(`${file} does not export ${name}.`);
  return value;
}
