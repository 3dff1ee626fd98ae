import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { start } from "holdfast/testing";
import { NoteTaken, TakeNote } from "./notes/contracts.ts";
import { services } from "./services.ts";
import { GetTopic } from "./topics/contracts.ts";

const garden = { params: { topic: "garden" } };

test("notes are counted by topic, and the latest is known", async () => {
  await using project = await start(services);
  for (const text of ["Water the roses", "Cut the hedge"])
    await project.call(TakeNote, { body: { topic: "garden", text } });
  await project.settled();
  const { body } = await project.call(GetTopic, garden);
  assert.deepEqual(body, { topic: "garden", notes: 2, latest: "Cut the hedge" });
});

test("a request that is sent again under its key takes one note", async () => {
  await using project = await start(services);
  const request = { body: { topic: "garden", text: "Water the roses" }, idempotencyKey: "k1" };
  const [first, again] = [await project.call(TakeNote, request), await project.call(TakeNote, request)];
  assert.equal(again.body.noteId, first.body.noteId);
  assert.equal((await project.published(NoteTaken)).length, 1);
});

test("a topic without notes is refused, by a code", async () => {
  await using project = await start(services);
  await assert.rejects(project.call(GetTopic, garden), (error) => isProblem(error, "topics/unknown-topic"));
});
