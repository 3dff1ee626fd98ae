import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, t } from "./index.ts";

const times = [
  ["2030-01-01T00:00:00Z", true],
  ["2030-01-01t00:00:00.123456789z", true],
  ["2028-02-29T23:59:59-08:00", true],
  ["0000-01-01T00:00:00Z", true],
  ["9999-12-31T23:59:59-23:59", true],
  ["2016-12-31T23:59:60Z", false],
  ["2029-12-31t23:59:60.5z", false],
  ["1990-12-31T15:59:60-08:00", false],
  ["2030-01-01T00:00:00Z[Europe/Paris]", false],
  ["2030-01-01T00:00:00+01:00[+01:00][u-ca=hebrew]", false],
  ["2030-02-30T00:00:00Z", false],
  ["2030-01-01T24:00:00Z", false],
] as const;

test("a date-time of a contract is one that a Date holds, so no leap second passes and then is an invalid Date", () => {
  for (const open of [true, false]) {
    const { check, errors } = compile(t.Object({ at: t.String({ format: "date-time" }) }), { open });
    for (const [at, right] of times) {
      assert.equal(check({ at }), right, at);
      if (right) assert.ok(Number.isFinite(new Date(at).getTime()), at);
    }
    const [error] = errors({ at: "2016-12-31T23:59:60Z" });
    assert.deepEqual(
      [error?.field, error?.rule, error?.message],
      ["/at", "format", "must have no leap second (:60) and no zone in brackets"],
    );
  }
});

test("the same holds of the format time, and inside lists, unions and records", () => {
  const At = t.String({ format: "date-time" });
  const schema = t.Object({
    time: t.Optional(t.String({ format: "time" })),
    list: t.Optional(t.Array(At)),
    either: t.Optional(t.Union([At, t.Null()])),
    record: t.Optional(t.Record(t.String(), At)),
    date: t.Optional(t.String({ format: "date" })),
  });
  const { check } = compile(schema, { open: false });
  const leap = "2016-12-31T23:59:60Z";
  for (const right of [
    { time: "23:59:59Z" },
    { either: null },
    { date: "2028-02-29" },
    { list: ["2030-01-01T00:00:00Z"] },
  ])
    assert.ok(check(right), JSON.stringify(right));
  for (const wrong of [
    { time: "23:59:60Z" },
    { list: [leap] },
    { either: leap },
    { record: { a: leap } },
    { date: "2030-02-29" },
  ])
    assert.equal(check(wrong), false, JSON.stringify(wrong));
});
