import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "../contract/index.ts";
import { mongodb, starter } from "../documents/fixtures/mongodb.ts";
import * as onDocuments from "../documents/fixtures/notes.ts";
import * as onSql from "./fixtures/notes.ts";

const { Noted, TakeNote } = onSql;
/** The same service on every kind of store. */
const stores = [
  { name: "sql", storeUrl: undefined, notes: onSql.notes },
  { name: "documents", storeUrl: undefined, notes: onDocuments.notes },
  ...(mongodb === undefined ? [] : [{ name: "documents on MongoDB", notes: onDocuments.notes, storeUrl: mongodb }]),
];

for (const { name, notes, storeUrl } of stores) {
  const start = starter(storeUrl);
  test(`${name}: a thousand twins with one Idempotency-Key over two instances make one note and get one reply`, async () => {
    await using first = await start(notes);
    await using second = await start(notes, { data: first.data, runtime: first.runtime });
    const request = { body: { topic: "twins", number: 1, failures: 0 }, idempotencyKey: "the-one" };
    const replies = await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => (at % 2 === 0 ? first : second).call(TakeNote, request)),
    );
    const distinct = new Set(replies.map(({ status, body }) => JSON.stringify({ status, body })));
    assert.equal(distinct.size, 1);
    assert.equal((await first.published(Noted)).length, 1);
    assert.equal((await second.published(Noted)).length, 1);
  });

  test(`${name}: a key that was used for another request is refused, and what was refused leaves no key`, async () => {
    await using system = await start(notes);
    const body = { topic: "a", number: 1, failures: 0 };
    await system.call(TakeNote, { body, idempotencyKey: "k" });
    await assert.rejects(system.call(TakeNote, { body: { ...body, number: 2 }, idempotencyKey: "k" }), (error) =>
      isProblem(error, "kit/idempotency-key-reused"),
    );
    await assert.rejects(system.call(TakeNote, { body: { ...body, number: -1 }, idempotencyKey: "fresh" }), (error) =>
      isProblem(error, "kit/invalid-request"),
    );
    const { status } = await system.call(TakeNote, { body, idempotencyKey: "fresh" });
    assert.equal(status, 201);
  });
}
