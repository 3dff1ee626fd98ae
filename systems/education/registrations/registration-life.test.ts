import assert from "node:assert/strict";
import { test } from "node:test";
import { move, registered, type Fact, type RegistrationState } from "./registration-life.ts";

/** What comes of facts that are heard one after another. */
function life(...facts: readonly Fact[]): { readonly state: RegistrationState; readonly effects: readonly string[] } {
  const effects: string[] = [];
  let state = registered;
  for (const fact of facts) {
    const moved = move(state, fact, fact === "refused" ? "the course is full" : "");
    state = moved.state;
    effects.push(moved.next === "none" ? moved.effect : `${moved.effect}, ${moved.next}`);
  }
  return { state, effects };
}
const [late, told] = ["too late", "noted"];
const cases: readonly (readonly [readonly Fact[], readonly string[], RegistrationState["stage"], string?])[] = [
  [["paid", "completed", "timed-out"], ["moved", "completed", late], "completed"],
  [["completed", "paid", "paid"], ["completed", told, told], "completed"],
  [
    ["paid", "refused", "timed-out", "refunded"],
    ["moved", "moved", late, "failed, publish-failed"],
    "failed",
    "there is no seat: the course is full",
  ],
  [
    ["refunded", "refused", "paid"],
    [told, "failed, publish-failed", late],
    "failed",
    "there is no seat: the course is full",
  ],
  [
    ["payment-failed", "refunded", "cancelled-by-user"],
    ["failed, publish-failed", told, late],
    "failed",
    "it could not be charged",
  ],
  [
    ["paid", "timed-out", "completed", "cancelled-by-user", "refunded"],
    ["moved", "cancelling, publish-cancelled", late, late, "cancelled"],
    "cancelled",
    "its time was over",
  ],
  [
    ["cancelled-by-user", "timed-out", "payment-failed", "completed", "voided"],
    ["cancelling, publish-cancelled", late, "cancelled", late, told],
    "cancelled",
    "the user cancelled it",
  ],
  [
    ["paid", "refused", "cancelled-by-user", "refunded"],
    ["moved", "moved", "cancelling, publish-cancelled", "cancelled"],
    "cancelled",
    "the user cancelled it",
  ],
  [["refunded", "cancelled-by-user"], [told, "cancelled, publish-cancelled"], "cancelled", "the user cancelled it"],
  [
    ["completed", "cancelled-by-user"],
    ["completed", "cancelling, publish-cancelled"],
    "cancelling",
    "the user cancelled it",
  ],
];

for (const [facts, effects, stage, reason] of cases)
  test(`${facts.join(", ")}: ${stage}`, () => {
    const came = life(...facts);
    assert.deepEqual(came.effects, effects);
    assert.deepEqual([came.state.stage, came.state.reason], [stage, reason]);
  });
