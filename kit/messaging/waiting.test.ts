import assert from "node:assert/strict";
import { test } from "node:test";
import { steadyClock } from "./steady-clock.ts";
import { delayHeader, retimed } from "./waiting.ts";

const minute = 60_000;
const now = Date.UTC(2030, 0, 1);
const at = { now, steady: true, longestWaitMs: minute };
const retry = { subscription: "a/b", timer: false, nextAt: now, time: new Date(now).toISOString(), headers: {} };
const job = { ...retry, timer: true };

test("a failed message that would wait longer than its policy allows falls due, be the clock believed or not", () => {
  assert.equal(retimed({ ...retry, nextAt: now + minute }, at), undefined);
  assert.equal(retimed({ ...retry, nextAt: now + 5 * minute }, at), undefined, "clocks of machines differ a little");
  assert.equal(retimed({ ...retry, nextAt: now + 7 * minute }, { ...at, steady: false }), now);
});

test("a job waits for its delay from now on where a clock that was ahead has set its time, and only once the clock is believed", () => {
  const delayed = { ...job, headers: { [delayHeader]: String(60 * minute) } };
  assert.equal(retimed({ ...delayed, nextAt: now + 60 * minute }, at), undefined);
  const late = { ...delayed, nextAt: now + 120 * minute };
  assert.equal(retimed(late, { ...at, steady: false }), undefined);
  const healed = retimed(late, at);
  assert.equal(healed, now + 60 * minute);
  assert.equal(retimed({ ...late, nextAt: healed ?? 0 }, { ...at, now: now + minute }), undefined, "once");
  const ahead = new Date(now + 120 * minute).toISOString();
  assert.equal(retimed({ ...job, time: ahead, nextAt: now + 120 * minute }, at), now, "it was due at once");
  assert.equal(retimed({ ...job, time: ahead, nextAt: now + 121 * minute }, at), undefined, "a certain time stays");
  assert.equal(retimed({ ...job, nextAt: now + 1e12 }, at), undefined, "however far away");
});

test("a clock is believed when it has kept pace with the monotonic one for ten minutes, and again ten minutes after a jump", () => {
  let wall = now;
  let elapsed = 0;
  const isSteady = steadyClock({ now: () => wall, monotonic: () => elapsed });
  const pass = (minutes: number, slewMs = 0) => {
    let steady = false;
    for (let each = 0; each < minutes; each += 1) {
      wall += minute + slewMs;
      elapsed += minute;
      steady = isSteady();
    }
    return steady;
  };
  assert.deepEqual([pass(9), pass(1), pass(60, 30)], [false, true, true]);
  wall += 3_650 * 86_400_000;
  assert.deepEqual([pass(1), pass(9), pass(1)], [false, false, true]);
  wall -= 3_650 * 86_400_000;
  assert.deepEqual([pass(10), pass(1)], [false, true]);
});
