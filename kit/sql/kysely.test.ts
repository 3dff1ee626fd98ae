import assert from "node:assert/strict";
import { test } from "node:test";
import { sql as raw } from "kysely";
import { kyselyFactory } from "./kysely.ts";

test("a statement that begins or ends a transaction is refused by name, and reaches no store", async () => {
  const issued: string[] = [];
  const { db } = kyselyFactory(
    "postgres",
    {},
  )(({ sql }) => {
    issued.push(sql);
    return Promise.resolve({ rows: [], changes: 0 });
  });
  for (const text of [
    "COMMIT",
    " rollback",
    "Savepoint x",
    "RELEASE SAVEPOINT unit",
    "begin",
    "START  TRANSACTION",
    "END;",
  ])
    await assert.rejects(raw.raw(text).execute(db), /^Error: \S.* is not possible in a unit of work/, text);
  await raw`SELECT 1 AS commit`.execute(db);
  assert.deepEqual(issued, ["SELECT 1 AS commit"]);
});
