import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { controlledRuntime } from "./index.ts";

test("a clock that stands still moves by what it is told, and by nothing else", async () => {
  const { clock, advance, timers } = controlledRuntime({ flowing: false, now: 1_000 });
  assert.deepEqual([clock.now(), clock.monotonic()], [1_000, 0]);
  const seen: number[] = [];
  timers.after(250, () => seen.push(clock.now()));
  await advance(600);
  assert.deepEqual([clock.now(), clock.monotonic(), seen], [1_600, 600, [1_250]]);
  await advance(0);
  assert.equal(clock.now(), 1_600);
});

test("one seed gives the same ids and numbers in every run, where the clock stands", () => {
  const made = (seed: number) => {
    const { ids, random } = controlledRuntime({ flowing: false, seed });
    return [ids.uuidv7(), ids.uuidv7(), random.next(), ...random.bytes(5)];
  };
  assert.deepEqual(made(7), made(7));
  assert.notDeepEqual(made(7), made(8));
});

test("a clock that flows passes by itself, and fires what falls due without being moved", async () => {
  const { clock, timers } = controlledRuntime();
  const before = clock.now();
  await timers.sleep(5);
  assert.ok(clock.now() - before >= 5);
});

test("timers fire in the order of their times, those of one time in the order in which they were set", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }), async (delays) => {
      const { timers, advance } = controlledRuntime({ flowing: false });
      const fired: number[] = [];
      for (const [at, ms] of delays.entries()) timers.after(ms, () => fired.push(at));
      await advance(20);
      const wanted = [...delays.keys()].toSorted((a, b) => (delays[a] ?? 0) - (delays[b] ?? 0) || a - b);
      assert.deepEqual(fired, wanted);
    }),
    { numRuns: 40 },
  );
});

test("a callback may cancel what is due after it, itself included, and set what falls due in the same advance", async () => {
  const { timers, advance, clock } = controlledRuntime({ flowing: false });
  const fired: string[] = [];
  const later = timers.after(20, () => fired.push("cancelled"));
  const every = timers.every(10, () => {
    fired.push(`every at ${String(clock.monotonic())}`);
    if (clock.monotonic() === 30) every.cancel();
  });
  timers.after(10, () => {
    later.cancel();
    timers.after(5, () => fired.push(`set by another at ${String(clock.monotonic())}`));
  });
  await advance(100);
  assert.deepEqual(fired, ["every at 10", "set by another at 15", "every at 20", "every at 30"]);
});

test("what a timer woke runs up to its next wait before the next one fires", async () => {
  const { timers, advance, clock } = controlledRuntime({ flowing: false });
  const order: string[] = [];
  const worker = async (name: string, ms: number) => {
    for (let turn = 0; turn < 3; turn += 1) {
      await timers.sleep(ms);
      await Promise.resolve();
      order.push(`${name} ${String(clock.monotonic())}`);
    }
  };
  void worker("a", 10);
  void worker("b", 15);
  await advance(60);
  assert.deepEqual(order, ["a 10", "b 15", "a 20", "b 30", "a 30", "b 45"]);
});

test("an advance rejects with what a timer throws, and those that are left still fire", async () => {
  for (const flowing of [true, false]) {
    const { timers, advance } = controlledRuntime({ flowing });
    let fired = 0;
    timers.after(60_000, () => {
      throw new Error("planted");
    });
    timers.after(70_000, () => (fired += 1));
    await assert.rejects(advance(80_000), /planted/);
    await advance(80_000);
    assert.equal(fired, 1);
  }
});

test("a jump runs each tick of an interval that it passes", async () => {
  const { timers, advance } = controlledRuntime({ flowing: false });
  let ticks = 0;
  const timer = timers.every(1_000, () => (ticks += 1));
  await advance(10_500);
  assert.equal(ticks, 10);
  timer.cancel();
  await advance(5_000);
  assert.equal(ticks, 10);
});
