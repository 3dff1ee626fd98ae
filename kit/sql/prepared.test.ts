import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, t } from "../contract/index.ts";
import { service } from "../service/index.ts";
import { start } from "../testing/index.ts";
import { boolean, integer, json, prepared, snapshot, sql, table, text, type Db } from "./index.ts";

const tables = {
  notes: table({
    id: text().primaryKey(),
    tags: json<readonly string[]>(),
    done: boolean(),
    rank: integer().optional(),
  }),
};
type NotesDb = Db<typeof tables>;
interface Note {
  readonly id: string;
  readonly tags: readonly string[];
  readonly done: boolean;
  readonly rank: number | undefined;
}

let built = 0;
const insert = prepared((db: NotesDb, { id, tags, done, rank }: Note) => {
  built += 1;
  return db.insertInto("notes").values({ id, tags, done, rank });
});
const raise = prepared((db: NotesDb, given: { readonly id: string; readonly by: number }) =>
  db
    .updateTable("notes")
    .set((note) => ({ rank: note("rank", "+", given.by) }))
    .where("id", "=", given.id),
);
const read = prepared((db: NotesDb, { id }: { readonly id: string }) =>
  db.selectFrom("notes").select(["tags", "done", "rank"]).where("id", "=", id),
);

const { endpoint } = contracts("notes");
const Try = endpoint("POST /tries", {
  summary: "Runs each of them",
  access: "anyone",
  body: t.Object({ id: t.String() }),
  replies: { 200: t.Object({ seen: t.Unknown() }) },
});
const { handle, assemble } = service("notes", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});
const notes = assemble(
  { Try },
  {
    routes: {
      Try: handle(Try, async ({ body: { id }, db, reply }) => {
        const inserted = await insert(db, { id, tags: ["a", "b"], done: true, rank: 1 });
        await insert(db, { id: `${id}, too`, tags: [], done: false, rank: undefined });
        const raised = await raise(db, { id, by: 4 });
        const missed = await raise(db, { id: "nobody's", by: 4 });
        const [{ rows }, other] = [await read(db, { id }), await read(db, { id: `${id}, too` })];
        return reply(200, { seen: [inserted.changes, raised.changes, missed.changes, ...rows, ...other.rows] });
      }),
    },
    consumers: [],
  },
);

test("a prepared statement is built once, and run with other values each time, in whichever unit", async () => {
  await using system = await start(notes);
  for (const id of ["one", "two", "three"]) {
    const { body } = await system.call(Try, { body: { id } });
    assert.deepEqual(body.seen, [
      1,
      1,
      0,
      { tags: ["a", "b"], done: true, rank: 5 },
      { tags: [], done: false, rank: null },
    ]);
  }
  assert.equal(built, 1);
});
