import { table, text, timestamp, type Db } from "holdfast/sql";

export const tables = {
  notes: table({ noteId: text().primaryKey(), topic: text(), text: text(), takenAt: timestamp() }),
};
export type NotesDb = Db<typeof tables>;
