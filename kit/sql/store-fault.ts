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
    rows =
      engine.look === undefined
        ? (await readers.anyway(async (session) => session.run(storeQuestion))).rows
        : engine.look(storeQuestion);
  } catch (error) {
    return goneText(engine, error);
  }
  return foreignStore(rows[0]?.["id"], id);
}

/** Why the file of an engine is not the one that was opened, or is damaged; undefined where it is in order. Throws where it cannot be asked. */
export function fileFault(engine: Engine): string | undefined {
  try {
    engine.look?.(storeQuestion);
    return undefined;
  } catch (error) {
    return goneText(engine, error);
  }
}

/** Whether the id that a store gives now is the one that it was opened with. */
export function foreignStore(found: unknown, id: string): string | undefined {
  if (found === id) return undefined;
  return found === undefined
    ? "The store was emptied while it was in use. Stop the platform and restore a backup."
    : `The store was replaced by another one (${JSON.stringify(found)}, not ${id}) while it was in use. Stop the platform and restore it.`;
}

export const isMissingTable = (error: unknown): boolean =>
  missing.includes(sqlState(error) ?? "") || (error instanceof Error && error.message.startsWith("no such table"));

/** What is told of a file that is removed, replaced or damaged, and of tables that are no more. Undefined for a busy file; throws every other error. */
function goneText(engine: Engine, error: unknown): string | undefined {
  if (error instanceof SqliteFileError && error.gone) return error.message;
  if (isMissingTable(error)) {
    const why = error instanceof Error ? error.message : String(error);
    return `The store was emptied while it was in use (${why}). Stop the platform and restore a backup.`;
  }
  // Asked again in two seconds.
  if (engine.classify(error) === "busy") return undefined;
  throw error;
}
