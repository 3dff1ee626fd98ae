import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cancelled, paid, type State as SeatState } from "./courses/seat-life.ts";
import { moved, type PaymentInput, type PaymentState } from "./fixtures/payment-model.ts";
import { hasEnded, move, registered, type Fact, type RegistrationState } from "./registrations/registration-life.ts";

type Message = { readonly of: number } & (
  | { readonly to: "registrations"; readonly fact: Fact; readonly note?: string }
  | { readonly to: "courses"; readonly fact: "paid" | "cancelled" }
  | { readonly to: "payments"; readonly fact: PaymentInput }
);
interface Wish {
  /** What the gateway answers, and whether payments gives up before. */
  readonly answer: "charged" | "declined";
  readonly givesUp: boolean;
  readonly cancels: boolean;
  /** Whether the timer comes at any moment, or after everything else. */
  readonly isLate: boolean;
}

/** The three lives, and every message on its way; who schedules says which is heard next. */
class World {
  readonly #seats: number;
  readonly #wishes: readonly Wish[];
  readonly registrations: RegistrationState[];
  readonly seats: SeatState[];
  readonly payments: PaymentState[];
  readonly published: string[] = [];
  readonly underway: Message[] = [];
  #taken = 0;

  constructor(seats: number, wishes: readonly Wish[]) {
    this.#seats = seats;
    this.#wishes = wishes;
    this.registrations = wishes.map(() => registered);
    this.seats = wishes.map(() => "unheard");
    this.payments = wishes.map(() => "unheard");
    for (const [of, { cancels, isLate }] of wishes.entries()) {
      this.underway.push({ of, to: "payments", fact: "created" });
      if (!isLate) this.timeOut(of);
      if (cancels) this.underway.push({ of, to: "registrations", fact: "cancelled-by-user" });
    }
  }

  timeOut(of: number): void {
    this.underway.push({ of, to: "registrations", fact: "timed-out" });
  }

  /** Delivers the message at a place; one that comes twice stays underway. */
  deliver(at: number, twice: boolean): void {
    const message = this.underway[at % this.underway.length];
    assert.ok(message !== undefined);
    if (!twice) this.underway.splice(at % this.underway.length, 1);
    this.#hear(message);
    assert.ok(this.#taken >= 0 && this.#taken <= this.#seats, "no seat is given twice");
    assert.equal(this.seats.filter((state) => state === "taken").length, this.#taken, "each seat that is taken counts");
  }

  #hear(message: Message): void {
    const { of } = message;
    if (message.to === "registrations") {
      const before = this.registrations[of] ?? registered;
      const { state, next } = move(before, message.fact, message.note ?? "");
      if (hasEnded(before)) assert.deepEqual(state, before, "an end is final");
      this.registrations[of] = state;
      if (next !== "none") this.published.push(`${String(of)} ${next}`);
      if (next === "publish-cancelled") this.underway.push({ of, to: "courses", fact: "cancelled" });
    } else if (message.to === "courses") {
      const before = this.seats[of] ?? "unheard";
      const course = { seats: this.#seats, taken: this.#taken };
      const { state, next, reason = "" } = message.fact === "paid" ? paid(before, course) : cancelled(before);
      this.seats[of] = state;
      if (next === "take") {
        this.#taken += 1;
        this.underway.push({ of, to: "registrations", fact: "completed" });
      }
      if (next === "free-and-release") this.#taken -= 1;
      if (next === "refuse") this.underway.push({ of, to: "registrations", fact: "refused", note: reason });
      if (next === "refuse" || next === "release" || next === "free-and-release")
        this.underway.push({ of, to: "payments", fact: "undone" });
      if (next === "release" || next === "free-and-release") this.published.push(`${String(of)} released`);
    } else {
      const { state, says } = moved(this.payments[of] ?? "unheard", message.fact);
      this.payments[of] = state;
      const { answer = "charged", givesUp = false } = this.#wishes[of] ?? {};
      if (message.fact === "created" && state === "charging") {
        this.underway.push({ of, to: "payments", fact: answer });
        if (givesUp) this.underway.push({ of, to: "payments", fact: "gave-up" });
      }
      if (says !== undefined) this.underway.push({ of, to: "registrations", fact: says });
      if (says === "paid") this.underway.push({ of, to: "courses", fact: "paid" });
    }
  }
}

const wish = fc.record({
  answer: fc.constantFrom("charged", "declined"),
  givesUp: fc.boolean(),
  cancels: fc.boolean(),
  isLate: fc.boolean(),
});

test("whatever is heard in whichever order, and how often: each registration ends once, with a seat that is paid for or with neither", () => {
  const endings = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 }),
      fc.array(wish, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(63), fc.integer({ min: 0, max: 3 })), { maxLength: 60 }),
      (seats, wishes, schedule) => {
        const world = new World(seats, wishes);
        for (const [at, twice] of schedule) if (world.underway.length > 0) world.deliver(at, twice === 0);
        const finish = () => {
          while (world.underway.length > 0) world.deliver(0, false);
        };
        finish();
        for (const [of, { isLate }] of wishes.entries()) if (isLate) world.timeOut(of);
        finish();
        for (const [of, { stage, reason }] of world.registrations.entries()) {
          endings.set(stage, (endings.get(stage) ?? 0) + 1);
          assert.ok(["completed", "failed", "cancelled"].includes(stage), `it hangs, ${stage}`);
          assert.equal(
            world.seats[of] === "taken",
            stage === "completed",
            `${stage}, and the seat is ${world.seats[of] ?? ""}`,
          );
          assert.equal(
            world.payments[of] === "paid",
            stage === "completed",
            `${stage}, and ${world.payments[of] ?? ""}`,
          );
          assert.equal(reason === undefined, stage === "completed", `${stage}, because of ${reason ?? "nothing"}`);
          const said = world.published.filter((word) => word.startsWith(`${String(of)} `));
          const released = stage === "cancelled" ? [`${String(of)} released`] : [];
          assert.deepEqual(said, stage === "completed" ? [] : [`${String(of)} publish-${stage}`, ...released]);
          if (wishes[of]?.isLate === true && !wishes[of].cancels)
            assert.notEqual(stage, "cancelled", "its time is never over");
        }
      },
    ),
    { numRuns: 2_000 },
  );
  for (const stage of ["completed", "failed", "cancelled"])
    assert.ok((endings.get(stage) ?? 0) > 100, `${stage} is rare`);
});
