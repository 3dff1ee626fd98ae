import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Recent, type Envelope, type Placed } from "./index.ts";

const envelope = (id: number, type: string, data = "{}"): Envelope => ({
  id: String(id),
  source: "/notes",
  type,
  version: 1,
  key: "k",
  time: "2030-01-01T00:00:00.000Z",
  correlationId: "c",
  causationId: undefined,
  traceparent: undefined,
  headers: {},
  data,
});

test("whoever else writes: what is remembered is what is written, in order and without holes", () => {
  const step = fc.record({
    mine: fc.boolean(),
    count: fc.integer({ min: 1, max: 400 }),
    odd: fc.integer({ min: 0, max: 20 }).map((chance) => chance === 0),
    type: fc.constantFrom("noted", "erased"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.array(fc.integer({ min: 0, max: 5_000 })), (steps, places) => {
      const recent = new Recent();
      const written: Placed[] = [];
      for (const { mine, count, odd, type } of steps) {
        const added = Array.from({ length: count }, (_, index) =>
          envelope(written.length + index + 1, type, odd && index === 0 ? "\0" : "{}"),
        );
        for (const each of added) written.push({ at: written.length + 1, envelope: each });
        if (mine) recent.add(written.length, added);
      }
      for (const place of [...places, written.length - 1, written.length]) {
        for (const type of [undefined, "noted"]) {
          const expected = written
            .filter(({ at, envelope: { type: own } }) => at > place && (type ?? own) === own)
            .slice(0, 10);
          const found = recent.after(place, 10, type);
          if (found !== undefined) assert.deepEqual(found, expected.slice(0, found.length));
          // Fewer only where the end of what is known is reached, which a look into the store goes on from.
          if (found !== undefined && found.length < Math.min(10, expected.length))
            assert.ok(steps.at(-1)?.mine === false || steps.some(({ odd }) => odd));
        }
      }
    }),
  );
});

test("it holds so much and no more, and always what came last", () => {
  const recent = new Recent();
  for (let last = 1_000; last <= 100_000; last += 1_000)
    recent.add(
      last,
      Array.from({ length: 1_000 }, (_, index) => envelope(last - 999 + index, "noted", "x".repeat(10_000))),
    );
  assert.equal(recent.after(99_990, 100)?.length, 10);
  assert.equal(recent.after(98_000, 1), undefined);
});
