import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { migrations } from "./migrations/index.ts";
import { NoteStore } from "./note-store.ts";
import { tables } from "./tables.ts";

/** `scope` makes what every handler of this service is given, beside what the kit gives to all. */
export const { handle, assemble } = service("notes", {
  store: sql({ tables, migrations }),
  scope: ({ db }) => ({ notes: new NoteStore(db) }),
});
