import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { ids } from "./ids.ts";
import { derivedId, Derivation, secretBytes, seededRandom, systemRuntime, timeOfUuidv7 } from "./index.ts";

const secret = (fill: number): Uint8Array => new Uint8Array(secretBytes).fill(fill);

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("UUIDv7s are in strict order whatever the clock does: steps back, stands still, jumps", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 50 }), fc.nat(), (steps, seed) => {
      let now = 1_900_000_000_000;
      const made = ids({ now: () => now, monotonic: () => 0 }, seededRandom(seed));
      let before = "";
      for (const step of steps) {
        now += step;
        for (let each = 0; each < 3; each += 1) {
          const id = made.uuidv7();
          assert.match(id, form);
          assert.ok(id > before, `${id} after ${before}`);
          before = id;
        }
      }
    }),
  );
});

test("ids follow a clock that was ten years ahead and is set back", () => {
  let now = 1_900_000_000_000;
  const made = ids({ now: () => now, monotonic: () => 0 }, seededRandom(1));
  now += 10 * 365 * 86_400_000;
  made.uuidv7();
  now = 1_900_000_000_500;
  assert.equal(timeOfUuidv7(made.uuidv7()), now);
});

test("more ids in a millisecond than its counter holds are lent the next one, and stay in order", () => {
  const clock = { now: () => 1_900_000_000_000, monotonic: () => 0 };
  const made = ids(clock, seededRandom(1));
  const all = Array.from({ length: 20_000 }, () => made.uuidv7());
  assert.deepEqual(all.toSorted(), all);
  assert.equal(new Set(all).size, all.length);
  assert.ok((timeOfUuidv7(all.at(-1) ?? "") ?? 0) - clock.now() < 10);
});

test("only a UUIDv7 has a time", () => {
  const made = ids({ now: () => 1_900_000_000_000.9, monotonic: () => 0 }, seededRandom(1)).uuidv7();
  assert.equal(timeOfUuidv7(made), 1_900_000_000_000);
  for (const other of ["", made.toUpperCase().replace("7", "4"), `${made}0`, derivedId("a")])
    assert.equal(timeOfUuidv7(other), undefined, other);
});

test("a derived id is a UUIDv8, the same wherever it is made", () => {
  assert.match(derivedId("orders", "1"), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(derivedId("orders", "1"), derivedId("orders", "1"));
  // A change of the derivation would make repetitions of what was asked for before it look new.
  assert.equal(derivedId("orders", "1"), "c493b382-ec6b-8618-9398-b204ca333475");
});

test("UUIDv7s of a process are in strict order and carry their time", () => {
  const { ids, clock } = systemRuntime();
  const made = Array.from({ length: 20_000 }, () => ids.uuidv7());
  assert.deepEqual(
    made.toSorted((a, b) => (a < b ? -1 : 1)),
    made,
  );
  assert.equal(new Set(made).size, made.length);
  assert.ok(Math.abs((timeOfUuidv7(made[0] ?? "") ?? 0) - clock.now()) < 5_000);
});

test("derived ids differ where their parts do, joints included", () => {
  const derivation = new Derivation(secret(1));
  const part = fc.oneof(fc.string(), fc.constantFrom("\ud800", "\ud801", "1:a"));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), fc.array(part, { minLength: 1 }), (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      assert.equal(derivedId(...a) === derivedId(...b), same);
      assert.equal(derivation.id(...a) === derivation.id(...b), same);
      assert.equal(derivation.digest(...a) === derivation.digest(...b), same);
    }),
  );
});

test("ids under one secret are alike, and those under another are not", () => {
  const [one, same, other] = [1, 1, 2].map((fill) => new Derivation(secret(fill)));
  assert.match(one?.id("a", "b") ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(one?.id("a", "b"), same?.id("a", "b"));
  assert.notEqual(one?.id("a", "b"), other?.id("a", "b"));
  assert.notEqual(one?.id("a", "b"), derivedId("a", "b"));
  assert.notEqual(one?.digest("a"), other?.digest("a"));
  assert.match(one?.digest("a") ?? "", /^[\w-]{43}$/);
});

test("a secret is in nothing that prints its derivation, and is never a short one", () => {
  const derivation = new Derivation(Buffer.from("0123456789abcdef0123456789abcdef"));
  for (const shown of [inspect(derivation, { showHidden: true, depth: 9 }), JSON.stringify(derivation)])
    assert.doesNotMatch(shown, /0123456789abcdef|3031323334|30 31 32 33/);
  assert.throws(() => new Derivation(new Uint8Array(16)), /32 bytes/);
});
