import assert from "node:assert/strict";
import { test } from "node:test";
import { endInTurn, endTogether } from "./index.ts";

test("what cannot be ended keeps nothing behind it from its end, and the first failure is told", async () => {
  const said: string[] = [];
  const first = new Error("first");
  const ends = [
    () => void said.push("a"),
    () => Promise.reject(first),
    () => {
      throw new Error("second");
    },
    async () => {
      await Promise.resolve();
      said.push("b");
    },
  ];
  await assert.rejects(endInTurn(ends), first);
  assert.deepEqual(said, ["a", "b"]);
  await endInTurn(ends.slice(0, 1));
});

test("what ends side by side is awaited whole, whatever failed before", async () => {
  const slow = Promise.withResolvers<void>();
  const failed = new Error("at once");
  let told = false;
  const all = endTogether([slow.promise, Promise.reject(failed)]).finally(() => (told = true));
  await new Promise(setImmediate);
  assert.equal(told, false);
  slow.resolve();
  await assert.rejects(all, failed);
});
