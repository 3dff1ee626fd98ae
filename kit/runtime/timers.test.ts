import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { controlledRuntime, systemRuntime } from "./index.ts";

const day = 86_400_000;

test("a timer further away than Node's can be fires once, when its time has come", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { timers } = systemRuntime();
  let fired = 0;
  timers.after(60 * day, () => (fired += 1));
  const cancelled = timers.after(60 * day, () => assert.fail("it was cancelled"));
  const longest = 2 ** 31 - 1;
  t.mock.timers.tick(longest);
  cancelled.cancel();
  t.mock.timers.tick(longest);
  t.mock.timers.tick(60 * day - 2 * longest - 1);
  assert.equal(fired, 0);
  t.mock.timers.tick(1);
  assert.equal(fired, 1);
  t.mock.timers.tick(60 * day);
  assert.equal(fired, 1);
});

test("an interval further apart than Node's can be does not spin", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let fired = 0;
  const timer = systemRuntime().timers.every(60 * day, () => (fired += 1));
  t.mock.timers.tick(day);
  assert.equal(fired, 0);
  timer.cancel();
});

test("sleep ends at its time or at the signal, and leaves no listener", async () => {
  const { timers, advance } = controlledRuntime({ flowing: false });
  const patient = new AbortController();
  const slept: string[] = [];
  void timers.sleep(1_000, patient.signal).then(() => slept.push("in time"));
  const stop = new AbortController();
  void timers.sleep(10 * day, stop.signal).then(() => slept.push("early"));
  await timers.sleep(day, AbortSignal.abort());
  await advance(1_000);
  assert.deepEqual(slept, ["in time"]);
  stop.abort();
  await advance(0);
  assert.deepEqual(slept, ["in time", "early"]);
  for (const { signal } of [patient, stop]) assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("the system's timers neither fire early nor twice, and a cancelled one never does", async () => {
  const { timers, clock } = systemRuntime();
  const before = clock.monotonic();
  const fired: number[] = [];
  const never = timers.after(1, () => assert.fail("it was cancelled"));
  never.cancel();
  never.cancel();
  const every = timers.every(0, () => fired.push(clock.monotonic()));
  await timers.sleep(20);
  every.cancel();
  const count = fired.length;
  assert.ok(clock.monotonic() - before >= 18, "Node's timers may be a fraction of a millisecond early");
  assert.ok(count >= 1);
  await timers.sleep(5);
  assert.equal(fired.length, count);
});

test("a timer that is set to NaN throws, and one that is set to Infinity never comes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  for (const { timers } of [systemRuntime(), controlledRuntime({ flowing: false })]) {
    const never = () => assert.fail("it came");
    assert.throws(() => timers.after(Number.NaN, never), /A timer was set to NaN/);
    assert.throws(() => timers.every(Number.NaN, never), RangeError);
    await assert.rejects(timers.sleep(Number.NaN), RangeError);
    timers.after(Number.POSITIVE_INFINITY, never);
  }
  t.mock.timers.tick(60 * day);
});
