import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  abandon,
  expire,
  isAbandoned,
  release,
  reported,
  reserve,
  type Part,
  type Reservation,
  type Step,
} from "./reservation.ts";

/** What may come to a reservation, in any order; `part` lets one of the parts that are out be done, and report. */
type Word =
  | { readonly word: "order" | "ask" | "abandon" | "reject" | "expire" }
  | { readonly word: "part"; readonly which: number };
const words: fc.Arbitrary<readonly Word[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ word: fc.constant("part" as const), which: fc.nat(10) }) },
    {
      weight: 2,
      arbitrary: fc.record({ word: fc.constantFrom("order" as const, "ask", "abandon", "reject", "expire") }),
    },
  ),
  { maxLength: 40 },
);
const lines = [
  { sku: "a", quantity: 1 },
  { sku: "b", quantity: 2 },
];

/** A shelf on which some parts fit and others do not, and a reservation that is told the words. */
class World {
  reservation: Reservation | undefined;
  readonly available: Record<string, number>;
  readonly reserved: Record<string, number> = { a: 0, b: 0 };
  readonly out: Part[] = [];
  readonly said: string[] = [];
  ordered = false;
  rejected = false;
  /** Attempts are counted; the last one asks until it is abandoned. */
  attempt = 1;
  /** Whether the last attempt has asked for it. */
  asked = false;

  constructor(available: Record<string, number>) {
    this.available = available;
  }

  take({ reservation, parts, says }: Step): void {
    this.reservation = reservation;
    this.out.push(...parts);
    if (says !== undefined) this.said.push(says);
  }

  tell(word: Word): void {
    if (word.word === "part") this.#part(word.which);
    else if (word.word === "order" && !this.ordered) {
      this.ordered = true;
      this.take(reserve(this.reservation, { lines, owned: true }));
    } else if (word.word === "ask") {
      this.asked = true;
      this.take(reserve(this.reservation, { lines, owned: false, attempt: String(this.attempt) }));
    } else if (word.word === "abandon") {
      const attempt = String(this.attempt);
      this.take(abandon(this.reservation, attempt));
      assert.ok(isAbandoned(this.reservation, attempt));
      this.attempt += 1;
      this.asked = false;
    } else if (word.word === "reject" && !this.rejected) {
      this.rejected = true;
      this.take(release(this.reservation));
    } else if (word.word === "expire") {
      const step = expire(this.reservation, this.reservation?.phase ?? 0);
      if (step !== undefined) this.take(step);
    }
  }

  #part(which: number): void {
    const [part] = this.out.splice(which % Math.max(1, this.out.length), 1);
    if (part === undefined || this.reservation === undefined) return;
    const { kind, sku, quantity, phase } = part;
    const held = this.reserved[sku] ?? 0;
    const fits = kind === "release" || (this.available[sku] ?? 0) >= held + quantity;
    if (fits) this.reserved[sku] = held + (kind === "reserve" ? quantity : -quantity);
    this.take(reported(this.reservation, { phase, sku, ...(fits ? {} : { refused: "too little" }) }));
  }

  finish(): void {
    while (this.out.length > 0) this.#part(0);
  }
}

test("whatever comes in whatever order, the shelf holds what the reservation says, all lines or none, and the order hears one word", () => {
  fc.assert(
    fc.property(words, fc.nat(2), fc.nat(3), (told, a, b) => {
      const world = new World({ a, b });
      for (const word of told) world.tell(word);
      world.finish();
      const { reservation, reserved, said, rejected, ordered } = world;
      if (reservation === undefined) return;
      const held = Object.fromEntries(["a", "b"].map((sku) => [sku, 0]));
      for (const { sku, quantity } of reservation.held) held[sku] = quantity;
      assert.deepEqual(reserved, held);
      assert.ok(["reserved", "rejected", "expired", "released"].includes(reservation.state), reservation.state);
      assert.equal(reservation.held.length, reservation.state === "reserved" ? lines.length : 0);
      if (rejected) assert.equal(reservation.state, "released");
      if (!ordered) assert.deepEqual(said, []);
      if (ordered && !rejected)
        assert.deepEqual(said, [reservation.state], "an order that stands hears what became of it");
      assert.ok(said.length <= 1, "and nothing else");
      if (!ordered && !world.asked)
        assert.equal(reservation.held.length, 0, "what nobody waits for any more is given back");
      if (reservation.owned && reservation.state !== "released") assert.notEqual(reservation.state, "expired");
    }),
    { numRuns: 2_000 },
  );
});

test("an attempt that is abandoned late takes nothing from a later one, and one that arrives when it is abandoned is known", () => {
  const ask = (known: Reservation | undefined, attempt: string) =>
    reserve(known, { lines, owned: false, attempt }).reservation;
  const again = ask(ask(undefined, "1"), "2");
  assert.deepEqual(abandon(again, "1").reservation, { ...again, abandoned: ["1"] });
  assert.equal(abandon(again, "2").reservation.noted.expire, true);
  const { reservation } = abandon(undefined, "1");
  assert.deepEqual(
    [reservation.state, isAbandoned(reservation, "1"), isAbandoned(reservation, "2")],
    ["expired", true, false],
  );
  assert.equal(ask(reservation, "2").state, "reserving");
  assert.equal(reserve(reservation, { lines, owned: true }).reservation.state, "reserving", "an order may still come");
});

test("a part that reports twice, or for a phase that is over, says nothing", () => {
  const world = new World({ a: 5, b: 5 });
  world.tell({ word: "order" });
  const [first] = world.out;
  assert.ok(first !== undefined && world.reservation !== undefined);
  const once = reported(world.reservation, first).reservation;
  assert.deepEqual(reported(once, first), { reservation: once, parts: [] });
  assert.deepEqual(reported(once, { ...first, phase: 0 }), { reservation: once, parts: [] });
});
