import type { Ask, PaymentEvent, PaymentState, Subject } from "./payment.ts";

/** What must follow, once the facts are recorded. */
export type Consequence =
  | "none"
  | "charge"
  | "settle"
  | "refund"
  | "publish-paid"
  | "publish-failed"
  | "publish-failed-and-settle"
  | "publish-refunded"
  | "publish-voided";

export interface Decision {
  /** What is recorded. */
  readonly facts: readonly PaymentEvent[];
  readonly next: Consequence;
}
export const nothing: Decision = { facts: [], next: "none" };
const fact = <T extends PaymentEvent["type"]>(type: T, data: Extract<PaymentEvent, { type: T }>["data"]) =>
  // Proof: `data` is that of the very type.
  ({ type, data }) as Extract<PaymentEvent, { type: T }>;

/** What is still to be found out: an answer of the gateway counts then, and at no other time. */
export const isOpen = ({ stage }: Pick<PaymentState, "stage">): boolean =>
  stage === "charging" || stage === "unknown" || stage === "void-wanted";

/** A registration is heard of. One that was undone before is recorded, and never charged. */
export function asked({ stage, ask }: PaymentState, wanted: Ask): Decision {
  if (ask !== undefined) return nothing;
  return { facts: [fact("asked", wanted)], next: stage === "unheard" ? "charge" : "none" };
}

/** The gateway has charged: what nobody waits for any more is given back. */
export function charged(state: PaymentState, chargeId: string): Decision {
  if (!isOpen(state)) return nothing;
  const taken = fact("charged", { chargeId });
  if (state.stage === "charging") return { facts: [taken], next: "publish-paid" };
  return { facts: [taken, fact("refund-wanted", { reason: state.reason ?? "" })], next: "refund" };
}

/** The gateway has declined, for good. */
export function declined(state: PaymentState, reason: string): Decision {
  if (!isOpen(state) || state.ask === undefined) return nothing;
  const refused = fact("declined", { reason });
  if (state.stage === "charging") return { facts: [refused], next: "publish-failed" };
  return { facts: [refused, voided(state.ask, state.reason ?? reason)], next: "publish-voided" };
}

/** There was no answer while there was patience: the registration fails, and the answer is waited for on its own. */
export function gaveUp(state: PaymentState): Decision {
  const reason = "the payment gateway gave no answer";
  if (state.stage === "charging") return { facts: [fact("given-up", { reason })], next: "publish-failed-and-settle" };
  return isOpen(state) ? { facts: [], next: "settle" } : nothing;
}

/** Courses say that no access stands for the registration, now or later: nothing stays paid for it. */
export function undone(state: PaymentState, subject: Subject, reason: string): Decision {
  switch (state.stage) {
    case "unheard":
      return { facts: [voided(subject, reason)], next: "publish-voided" };
    case "charging":
      return { facts: [fact("void-wanted", { reason })], next: "none" };
    case "paid":
      return { facts: [fact("refund-wanted", { reason })], next: "refund" };
    // It has failed, or it is being undone already.
    case "failed":
    case "unknown":
    case "void-wanted":
    case "refunding":
    case "refunded":
    case "void":
      return nothing;
  }
}

/** The gateway has given the money back. */
export const givenBack = ({ stage }: PaymentState, refundId: string): Decision =>
  stage === "refunding" ? { facts: [fact("refunded", { refundId })], next: "publish-refunded" } : nothing;

const voided = ({ registrationId, userId, courseId }: Subject, reason: string) =>
  fact("voided", { registrationId, userId, courseId, reason });
