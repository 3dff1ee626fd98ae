import { contracts, t, type Value } from "holdfast/contract";

const { endpoint, event } = contracts("notes");

const fields = {
  topic: t.String({ minLength: 1, maxLength: 50, description: "What the note is about" }),
  text: t.String({ minLength: 1, maxLength: 2_000 }),
};
export const NewNote = t.Object(fields);
export const Note = t.Object({
  noteId: t.String({ format: "uuid" }),
  ...fields,
  takenAt: t.String({ format: "date-time" }),
});
export interface Note extends Value<typeof Note> {}

/** Those of one topic are heard in the order in which they were taken: `key` says so. */
export const NoteTaken = event("note.taken", { version: 1, key: "topic", summary: "A note was taken", data: Note });

export const TakeNote = endpoint("POST /notes", {
  summary: "Take a note",
  access: "anyone",
  idempotent: true,
  body: NewNote,
  replies: { 201: Note },
});
