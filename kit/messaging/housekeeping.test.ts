import assert from "node:assert/strict";
import { test } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { memoryLogger } from "../telemetry/index.ts";
import { startHousekeeping } from "./index.ts";

test("housekeeping sweeps every minute until nothing is left, survives a failure, and ends when it is stopped", async () => {
  const runtime = controlledRuntime();
  const log = memoryLogger();
  let left = 3;
  let sweeps = 0;
  const store = {
    sweep: () => {
      sweeps += 1;
      if (sweeps === 4) return Promise.reject(new Error("busy"));
      left -= 1;
      return Promise.resolve(left > 0);
    },
  };
  const housekeeping = startHousekeeping({ store, runtime, log });
  assert.equal(sweeps, 0);
  await runtime.advance(60_100);
  assert.equal(sweeps, 3);
  await runtime.advance(60_000);
  assert.equal(log.entries.length, 1);
  await runtime.advance(60_000);
  assert.equal(sweeps, 5);
  housekeeping.stop();
  await runtime.advance(180_000);
  assert.equal(sweeps, 5);
});

test("nothing is dropped before the clock has run for ten minutes without a jump", async () => {
  const runtime = controlledRuntime({ flowing: false });
  let jumped = 0;
  const clock = { now: () => runtime.clock.now() + jumped, monotonic: () => runtime.clock.monotonic() };
  const dropped: boolean[] = [];
  const store = {
    sweep: (_now: number, { drop = true }: { readonly drop?: boolean } = {}) => {
      dropped.push(drop);
      return Promise.resolve(false);
    },
  };
  const housekeeping = startHousekeeping({ store, runtime: { ...runtime, clock }, log: memoryLogger() });
  await runtime.advance(11 * 60_000);
  assert.deepEqual([dropped.length, dropped.indexOf(true)], [11, 9]);
  jumped = 3_650 * 86_400_000;
  dropped.length = 0;
  await runtime.advance(11 * 60_000);
  assert.deepEqual([dropped.length, dropped.indexOf(true)], [11, 10]);
  housekeeping.stop();
});
