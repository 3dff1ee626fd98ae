import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, t } from "../contract/index.ts";
import { service } from "../service/index.ts";
import { start } from "../testing/index.ts";
import { snapshot, sql, table, text } from "./index.ts";

const tables = { notes: table({ id: text().primaryKey() }) };
const { endpoint, event } = contracts("notes");
const Noted = event("note.noted", {
  version: 1,
  key: "id",
  summary: "A note was taken",
  data: t.Object({ id: t.String() }),
});
const Note = endpoint("POST /notes", {
  summary: "Takes a note",
  access: "anyone",
  body: t.Object({ id: t.String() }),
  replies: { 204: {} },
});
const { handle, assemble } = service("notes", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});
const notes = assemble(
  { Note, Noted },
  {
    routes: {
      Note: handle(Note, async ({ body: { id }, db, publish, reply }) => {
        await db.insertInto("notes").values({ id }).execute();
        publish(Noted, { id });
        return reply(204);
      }),
    },
    consumers: [],
  },
);

test("a relay close behind is given the messages that were committed, not copies; who begins at the start, what is left", async () => {
  await using system = await start(notes);
  const { store } = system.service("notes");
  const note = async (id: string) => system.call(Note, { body: { id } });
  for (const id of ["one", "two", "three"]) await note(id);
  // The numbers begin at 1.
  const [first, again] = [await store.outbox(1, 10), await store.outbox(1, 10)];
  assert.deepEqual(
    first.map(({ envelope }) => envelope.key),
    ["two", "three"],
  );
  for (const [index, { envelope }] of first.entries()) assert.equal(envelope, again[index]?.envelope);
  await system.settled();
  assert.deepEqual(await store.outbox(0, 10), []);
});
