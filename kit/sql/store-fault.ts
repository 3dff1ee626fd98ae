import type { Engine, Row } from "./engine.ts";
import { sqlState } from "./postgres-session.ts";
import type { Readers } from "./readers.ts";
import { SqliteFileError } from "./sqlite-errors.ts";

export const storeQuestion = "SELECT id FROM holdfast_store";
/** Undefined table, schema and database (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const missing = ["42P01", "3F000", "3D000"];

/** Why this is not the store that was opened any more; undefined where it is. Rejects where it cannot be asked. */
export async function storeFault(engine: Engine, readers: Readers, id: string): Promise<string | undefined> {
  let rows: readonly Row[];
  try {
    rows = engine.look?.(storeQuestion) ?? (await readers.anyway(async (session) => session.run(storeQuestion))).rows;
  } catch (error) {
    if (!isGone(engine, error)) throw error;
    return goneText(error);
  }
  return foreignStore(rows[0]?.["id"], id);
}

/** Why the file of an engine is not the one that was opened, or is damaged; undefined where it is in order, or where it is busy. */
export function fileFault(engine: Engine): string | undefined {
  try {
    engine.look?.(storeQuestion);
    return undefined;
  } catch (error) {
    return isGone(engine, error) ? goneText(error) : undefined;
  }
}

/** Whether the id that a store gives now is the one that it was opened with. */
export function foreignStore(found: unknown, id: string): string | undefined {
  if (found === id) return undefined;
  return found === undefined
    ? "The store was emptied while it was in use. Stop the platform and restore a backup."
    : `The store was replaced by another one (${JSON.stringify(found)}, not ${id}) while it was in use. Stop the platform and restore it.`;
}

/** A file that is removed, replaced or damaged; tables that are no more. */
const isGone = (engine: Engine, error: unknown): boolean =>
  isMissingTable(error) || (engine.name === "sqlite" && engine.classify(error) === "lost");

export const isMissingTable = (error: unknown): boolean =>
  missing.includes(sqlState(error) ?? "") || (error instanceof Error && error.message.startsWith("no such table"));

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const goneText = (error: unknown): string =>
  error instanceof SqliteFileError
    ? error.message
    : `The store was emptied while it was in use (${textOf(error)}). Stop the platform and restore a backup.`;
