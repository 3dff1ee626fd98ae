import { NoteTaken } from "../notes/contracts.ts";
import { on } from "./scope.ts";

/** One transaction: the count, and the mark that this message was taken in. A message that comes twice counts once. */
export const countNote = on(NoteTaken, async ({ data, topics }) => {
  await topics.count(data.topic, data.text);
});
