import { NoteTaken, TakeNote } from "./contracts.ts";
import { handle } from "./scope.ts";

/** One transaction: the row, the event and the reply that is kept under the request's Idempotency-Key. */
export const takeNote = handle(TakeNote, async ({ body, notes, newId, now, publish, reply }) => {
  const note = { ...body, noteId: newId(), takenAt: now().toISOString() };
  await notes.insert(note);
  publish(NoteTaken, note);
  return reply(201, note);
});
