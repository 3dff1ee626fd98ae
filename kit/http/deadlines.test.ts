import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { controlledRuntime } from "../runtime/index.ts";
import { Deadlines, Timed } from "./deadlines.ts";

class Work extends Timed {
  lates = 0;
  protected late(): void {
    this.lates += 1;
  }
}

/** `blocked`: so long the turn takes, by the clock. */
function setUp({ blocked = 0 } = {}) {
  const { clock, timers, advance } = controlledRuntime({ flowing: false });
  const set: number[] = [];
  const watched = {
    clock: { ...clock, monotonic: () => clock.monotonic() + blocked },
    timers: {
      ...timers,
      after(ms: number, run: () => void) {
        set.push(ms);
        return timers.after(ms, run);
      },
    },
  };
  return { deadlines: new Deadlines(watched), at: (ms: number) => clock.monotonic() + ms, advance, set };
}

test("what ends in the turn in which it began sets no timer, and is not late afterwards", async () => {
  const { deadlines, at, advance, set } = setUp();
  const work = new Work(at(100));
  deadlines.watch(work);
  assert.equal(work.end(), true);
  await turn();
  await advance(1_000);
  assert.deepEqual([set, work.lates, work.end()], [[], 0, false]);
});

test("what lasts is late at its deadline, once, however long its turn was, and has ended by that", async () => {
  const { deadlines, at, advance, set } = setUp({ blocked: 30 });
  const [slow, over, quick] = [new Work(at(100)), new Work(at(20)), new Work(at(50))];
  for (const work of [slow, over, quick]) deadlines.watch(work);
  await turn();
  await advance(1);
  assert.deepEqual(set, [70, 0, 20]);
  assert.deepEqual([slow.lates, over.lates], [0, 1]);
  assert.equal(quick.end(), true);
  await advance(69);
  assert.deepEqual([slow.lates, over.lates, quick.lates], [1, 1, 0]);
  assert.equal(slow.end(), false);
});

test("what begins in a later turn is watched, too", async () => {
  const { deadlines, at, advance } = setUp();
  deadlines.watch(new Work(at(10)));
  await turn();
  const work = new Work(at(10));
  deadlines.watch(work);
  await turn();
  await advance(10);
  assert.equal(work.lates, 1);
});
