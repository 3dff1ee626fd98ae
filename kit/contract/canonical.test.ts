import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical.ts";

/** The same value, its names written in the opposite order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, each]) => [name, reordered(each)]),
  );
}

test("canonical JSON is the same for values that differ in the order of names only, and parses back", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(reordered(value)), text);
    }),
  );
});

test("canonical JSON differs where values do", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const same = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
      let equal = true;
      try {
        assert.deepEqual(same(one), same(other));
      } catch {
        equal = false;
      }
      assert.equal(canonicalJson(one) === canonicalJson(other), equal);
    }),
  );
});

test("canonical JSON sorts names and treats what JSON has no form for as JSON.stringify does", () => {
  assert.equal(canonicalJson({ b: [2, { d: 1, c: "ü" }], a: null }), '{"a":null,"b":[2,{"c":"ü","d":1}]}');
  assert.equal(canonicalJson({ none: undefined, at: new Date(0) }), '{"at":"1970-01-01T00:00:00.000Z"}');
  assert.equal(canonicalJson([undefined, Number.NaN, -0, 1e3, ""]), '[null,null,0,1000,""]');
  assert.equal(canonicalJson(undefined), "");
  assert.equal(canonicalJson({ body: new Uint8Array([1, 2]) }), '{"body":"AQI="}');
  assert.equal(canonicalJson("\ud800"), '"\\ud800"');
});
