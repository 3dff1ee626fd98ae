import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { connectionAccepted, handleInTurn, ownTurn } from "./turns.ts";

const busy = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end;);
};
/** How long everything else may wait for connections. */
const connectsMs = 100;

test("requests that come in one turn are handled in their order, and the event loop goes round after 10 ms of them", async () => {
  const handled: number[] = [];
  const all = Promise.withResolvers<void>();
  for (let at = 0; at < 60; at += 1)
    handleInTurn(() => {
      busy(1);
      if (handled.push(at) === 60) all.resolve();
    });
  const after: number[] = [];
  const count = async () => {
    while (handled.length < 60) {
      after.push(handled.length);
      await turn();
    }
  };
  await Promise.all([all.promise, count()]);
  assert.deepEqual(
    handled,
    handled.toSorted((one, other) => one - other),
  );
  const most = Math.max(...after.slice(1).map((sum, at) => sum - (after[at] ?? 0)));
  assert.ok(after.length >= 4 && most <= 25, `handled after each turn: ${after.join(", ")}`);
});

test("a request that comes alone is handled at once", async () => {
  await turn();
  let handled = false;
  handleInTurn(() => (handled = true));
  assert.equal(handled, true);
});

test("what a request goes on with in promises counts as its time", async () => {
  let handled = 0;
  const goOn = async () => {
    await Promise.resolve();
    busy(1);
    handled += 1;
  };
  // Each comes in a callback of its own, as from a socket.
  for (let at = 0; at < 60; at += 1) setImmediate(() => handleInTurn(() => void goOn()));
  let most = 0;
  for (let before = 0; handled < 60;) {
    await turn();
    most = Math.max(most, handled - before);
    before = handled;
  }
  assert.ok(most <= 25, `${String(most)} in one turn`);
});

test("while connections are accepted in every turn, requests and groups wait, but not all of the time", async () => {
  const begun = performance.now();
  const done: number[] = [];
  const note = () => {
    busy(2);
    done.push(performance.now() - begun);
  };
  const work = async () => {
    while (performance.now() - begun < 500) {
      await ownTurn();
      note();
    }
  };
  connectionAccepted();
  handleInTurn(note);
  const working = work();
  let turns = 0;
  while (performance.now() - begun < 500) {
    connectionAccepted();
    turns += 1;
    await turn();
  }
  await working;
  // What was taken from other tests of this process is given back.
  await sleep(connectsMs);
  const [first = 0] = done;
  assert.ok(first >= connectsMs * 0.9, `the first after ${String(first)} ms`);
  assert.ok(done.length >= 10, `${String(done.length)} of ${String(turns)} turns`);
  assert.ok(turns > 2 * done.length, `${String(done.length)} of ${String(turns)} turns`);
});

test("groups are given a turn each, in the order in which they asked", async () => {
  const order: string[] = [];
  const seen: number[] = [];
  let turns = 0;
  const counting = (async () => {
    for (; turns < 6; turns += 1) await turn();
  })();
  await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      await ownTurn();
      order.push(name);
      seen.push(turns);
    }),
  );
  await counting;
  assert.deepEqual(order, ["a", "b", "c"]);
  assert.equal(new Set(seen).size, 3);
});
