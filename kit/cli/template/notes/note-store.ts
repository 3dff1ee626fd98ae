import type { Note } from "./contracts.ts";
import type { NotesDb } from "./tables.ts";

export class NoteStore {
  readonly #db: NotesDb;

  constructor(db: NotesDb) {
    this.#db = db;
  }

  async insert(note: Note): Promise<void> {
    await this.#db
      .insertInto("notes")
      .values({ ...note, takenAt: Date.parse(note.takenAt) })
      .execute();
  }
}
