import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cancelled, paid, type State as SeatState } from "./courses/seat-life.ts";
import {
  asked,
  charged,
  declined,
  gaveUp,
  givenBack,
  undone,
  type Consequence,
  type Decision,
} from "./payments/payment-life.ts";
import { payment, type PaymentState } from "./payments/payment.ts";
import { hasEnded, move, registered, type Fact, type RegistrationState } from "./registrations/registration-life.ts";

type Message = { readonly of: number } & (
  | { readonly to: "registrations"; readonly fact: Fact; readonly note?: string }
  | { readonly to: "courses"; readonly fact: "paid" | "cancelled" }
  | { readonly to: "payments"; readonly fact: "created" | "undone" | Job }
);
/** Of payments: each asks the gateway, and may be broken off between that and what it records. */
type Job = "charge" | "settle" | "refund";
interface Wish {
  /** What the gateway answers in the end, and how often its answer is lost before. */
  readonly answer: "charged" | "declined";
  readonly lost: number;
  /** How often payments asks in vain before it gives up. */
  readonly patience: number;
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
  /** What the gateway has taken and not given back, of 100. */
  readonly money: number[];
  readonly #asked: number[];
  readonly published: string[] = [];
  readonly underway: Message[] = [];
  #taken = 0;

  constructor(seats: number, wishes: readonly Wish[]) {
    this.#seats = seats;
    this.#wishes = wishes;
    this.registrations = wishes.map(() => registered);
    this.seats = wishes.map(() => "unheard");
    this.payments = wishes.map(() => payment.begin);
    this.money = wishes.map(() => 0);
    this.#asked = wishes.map(() => 0);
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
    } else this.#pay(of, message.fact);
  }

  #pay(of: number, fact: "created" | "undone" | Job): void {
    const before = this.payments[of] ?? payment.begin;
    const decision = this.#decide(of, before, fact);
    if (decision === "again") this.underway.push({ of, to: "payments", fact });
    else {
      const recorded = decision.facts.map((each, at) => ({ ...each, version: at + 1, at: 1 }));
      this.payments[of] = recorded.reduce<PaymentState>((state, each) => payment.evolve(state, each), before);
      for (const message of following[decision.next]) this.underway.push({ ...message, of });
    }
  }

  /** What the gateway does, and what payments decides then. */
  #decide(of: number, state: PaymentState, fact: "created" | "undone" | Job): Decision | "again" {
    const subject = { registrationId: String(of), userId: "u", courseId: "c" };
    const { answer = "charged", lost = 0, patience = 0 } = this.#wishes[of] ?? {};
    switch (fact) {
      case "created":
        return asked(state, { ...subject, email: "e", total: { amount: 100, currency: "EUR" }, paymentMethod: "m" });
      case "undone":
        return undone(state, subject, "undone");
      case "refund":
        this.money[of] = 0;
        return givenBack(state, "refund");
      case "charge":
      case "settle": {
        const times = (this.#asked[of] ?? 0) + 1;
        this.#asked[of] = times;
        // The same key is the same charge, however often it is asked for, also when it was given back.
        if (times === 1 && answer === "charged") this.money[of] = 100;
        if (times > lost) return answer === "charged" ? charged(state, "charge") : declined(state, "declined");
        return fact === "charge" && times > patience ? gaveUp(state) : "again";
      }
    }
  }
}

type Following = Message extends infer M ? (M extends Message ? Omit<M, "of"> : never) : never;
/** Who hears of what payments decides. */
const following: Readonly<Record<Consequence, readonly Following[]>> = {
  none: [],
  charge: [{ to: "payments", fact: "charge" }],
  settle: [{ to: "payments", fact: "settle" }],
  refund: [{ to: "payments", fact: "refund" }],
  "publish-paid": [
    { to: "registrations", fact: "paid" },
    { to: "courses", fact: "paid" },
  ],
  "publish-failed": [{ to: "registrations", fact: "payment-failed" }],
  "publish-failed-and-settle": [
    { to: "payments", fact: "settle" },
    { to: "registrations", fact: "payment-failed" },
  ],
  "publish-refunded": [{ to: "registrations", fact: "refunded" }],
  "publish-voided": [{ to: "registrations", fact: "voided" }],
};

const wish = fc.record({
  answer: fc.constantFrom("charged", "declined"),
  lost: fc.nat(4),
  patience: fc.nat(4),
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
            world.payments[of]?.stage === "paid",
            stage === "completed",
            `${stage}, and ${world.payments[of]?.stage ?? ""}`,
          );
          const ended = ["paid", "failed", "refunded", "void"].includes(world.payments[of]?.stage ?? "");
          assert.ok(ended, `a payment hangs, ${world.payments[of]?.stage ?? ""}`);
          assert.equal(world.money[of], stage === "completed" ? 100 : 0, `${stage}, and money is kept`);
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
