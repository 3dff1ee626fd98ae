import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, isProblem, t } from "../contract/index.ts";
import { maxMessageBytes } from "../messaging/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { start, until } from "../testing/index.ts";
import { service } from "./index.ts";
import { Applied, notes, tally } from "./fixtures/notes.ts";

const { endpoint, event } = contracts("bulk");
const Sent = event("sent", {
  version: 1,
  key: "id",
  summary: "",
  data: t.Object({ id: t.String(), text: t.String() }),
});
const Send = endpoint("POST /sends", {
  summary: "",
  access: "anyone",
  body: t.Object({ id: t.String(), length: t.Integer() }),
  replies: { 201: t.Object({}) },
});
const tables = { sends: table({ id: text().primaryKey() }) };
const { handle, assemble } = service("bulk", {
  store: sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});
const bulk = assemble(
  { Sent, Send },
  {
    routes: {
      Send: handle(Send, async ({ body: { id, length }, db, publish, reply }) => {
        await db.insertInto("sends").values({ id }).execute();
        publish(Sent, { id, text: "x".repeat(length) });
        return reply(201, {});
      }),
    },
    consumers: [],
  },
);

test("a message that no broker would take is refused while its unit can still be taken back", async () => {
  await using system = await start(bulk);
  await assert.rejects(system.call(Send, { body: { id: "large", length: maxMessageBytes } }), (error) =>
    isProblem(error, "kit/message-too-large"),
  );
  await system.call(Send, { body: { id: "large", length: maxMessageBytes - 100 } });
  assert.equal((await system.published(Sent)).length, 1);
});

test("a foreign message with NUL in all its parts is a dead letter with its bytes, and holds up nothing", async () => {
  await using system = await start([notes, tally()]);
  const data = '{"topic":"a\0b"}';
  await system.inject({ type: "noted", key: "a\0b", data, headers: { "x-odd": "\0" } });
  await system.inject({ type: "noted", key: "fine", data: JSON.stringify({ topic: "fine", number: 1, failures: 0 }) });
  const letters = () => system.service("tally").store.deadLetters({ limit: 5 });
  await until("it is dead", async () => (await letters()).length === 1);
  const [letter] = await letters();
  assert.equal(Buffer.from(letter?.envelope.data ?? "").toString(), data);
  assert.deepEqual(letter?.envelope.headers, { "x-odd": "\0" });
  await system.settled();
  assert.equal((await system.call(Applied, {})).body.items.length, 1);
});
