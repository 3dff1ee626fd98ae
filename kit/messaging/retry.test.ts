import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contracts, kitProblems, t } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { failureRate } from "./failure-rate.ts";
import { judgeBy } from "./retry.ts";

const { problem } = contracts("orders");
const final = problem("orders/final", { status: 409, retryable: false, summary: "No", facts: t.Object({}) });
const passing = problem("orders/passing", { status: 409, retryable: true, summary: "Later", facts: t.Object({}) });

test("the error's class decides, through its causes: park, dead or pause", () => {
  const judge = judgeBy({}, controlledRuntime());
  const wrapped = (cause: unknown) => new Error("wrapped", { cause });
  assert.equal(judge(new Error("bug"), 1).kind, "park");
  assert.equal(judge("no error at all", 9).kind, "park");
  assert.equal(judge(new Error("bug"), 10).kind, "dead");
  assert.equal(judge(wrapped(final({})), 1).kind, "dead");
  assert.equal(judge(passing({}), 1).kind, "park");
  for (const error of [
    kitProblems.unavailable({ reason: "" }),
    kitProblems.overloaded({}),
    kitProblems.outcomeUnknown({}),
  ]) {
    assert.equal(judge(wrapped(error), 99).kind, "pause");
  }
});

test("a subscription may decide otherwise, or leave it to the rules", () => {
  const judge = judgeBy(
    { judge: (error) => (error === "skip" ? { kind: "discard" } : undefined) },
    controlledRuntime(),
  );
  assert.equal(judge("skip", 1).kind, "discard");
  assert.equal(judge(final({}), 1).kind, "dead");
});

test("a subscription's own verdict that is none, or a time that is none, leaves it to the rules and is told", () => {
  const told: unknown[] = [];
  const runtime = controlledRuntime({ flowing: false });
  const answers: unknown[] = [
    { kind: "park", nextAt: Number.NaN },
    { kind: "park", nextAt: Number.POSITIVE_INFINITY },
    { kind: "later" },
    "park",
  ];
  for (const answer of answers) {
    const given = { attempts: 2, judge: () => answer as never }; // Proof: what somebody without types may give.
    const judge = judgeBy(given, runtime, (error) => told.push(error));
    assert.deepEqual([judge("bug", 1).kind, judge("bug", 2).kind], ["park", "dead"]);
  }
  const throws = judgeBy(
    {
      judge: () => {
        throw new Error("a judge's bug");
      },
    },
    runtime,
    (error) => told.push(error),
  );
  assert.equal(throws("bug", 1).kind, "park");
  assert.equal(told.length, 9);
  const day = 86_400_000;
  const far = judgeBy({ judge: () => ({ kind: "park", nextAt: runtime.clock.now() + 30 * day }) }, runtime)("bug", 1);
  assert.deepEqual(far, { kind: "park", nextAt: runtime.clock.now() + 7 * day }, "7 days are the longest wait");
});

test("the next attempt is never later than its doubling allows, and never later than the cap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer(), (attempt, seed) => {
      const runtime = controlledRuntime({ seed });
      const verdict = judgeBy({ attempts: 1_000, baseMs: 500, capMs: 60_000 }, runtime)(new Error("bug"), attempt);
      assert.ok(verdict.kind === "park");
      const wait = verdict.nextAt - runtime.clock.now();
      const ceiling = Math.min(60_000, 500 * 2 ** Math.max(0, attempt - 2));
      // The clock flows: a little less than what was drawn is left.
      assert.ok(wait > -100 && wait <= ceiling, `${String(wait)} of ${String(ceiling)}`);
    }),
  );
});

test("the failure rate asks for a pause at one half of the last hundred, longer each time, and forgets after a good stretch", () => {
  const rate = failureRate();
  const some = (failed: number, good: number) => [
    ...Array<boolean>(failed).fill(true),
    ...Array<boolean>(good).fill(false),
  ];
  assert.equal(rate.record(some(10, 0)), 0);
  assert.equal(rate.record(some(10, 0)), 1_000);
  assert.equal(rate.record(some(50, 50)), 2_000);
  for (const ms of [4_000, 8_000, 16_000, 30_000, 30_000]) assert.equal(rate.record(some(20, 0)), ms);
  assert.equal(rate.record(some(49, 51)), 0);
  assert.equal(rate.record(some(100, 0)), 1_000);
});
