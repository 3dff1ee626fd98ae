import { t, type Value } from "holdfast/contract";
import { stream, type EventOf } from "holdfast/streams";
import { Payment as Shown } from "./contracts.ts";

const Subject = t.Object({ registrationId: t.String(), userId: t.String(), courseId: t.String() });
/** What is sent to the payment gateway, and whom it concerns: it never changes once it is recorded. */
const Ask = t.Object({
  ...Subject.properties,
  email: t.String(),
  total: t.Object({ amount: t.Integer(), currency: t.String() }),
  paymentMethod: t.String(),
  owner: t.Optional(t.String()),
});
export interface Ask extends Value<typeof Ask> {}
export interface Subject extends Value<typeof Subject> {}

/** What has happened to a payment. Recorded for good: what is changed here must still read what was written. */
const events = {
  /** A registration was heard of that is to be paid. */
  asked: { version: 1, data: Ask },
  charged: { version: 1, data: t.Object({ chargeId: t.String() }) },
  declined: { version: 1, data: t.Object({ reason: t.String() }) },
  /** The gateway gave no answer while there was patience; what it may have charged is still found out. */
  "given-up": { version: 1, data: t.Object({ reason: t.String() }) },
  /** The registration was undone while the answer was waited for. */
  "void-wanted": { version: 1, data: t.Object({ reason: t.String() }) },
  "refund-wanted": { version: 1, data: t.Object({ reason: t.String() }) },
  refunded: { version: 1, data: t.Object({ refundId: t.String() }) },
  /** Nothing was charged, and nothing will be. */
  voided: { version: 1, data: t.Object({ ...Subject.properties, reason: t.String() }) },
} as const;
export type PaymentEvent = EventOf<typeof events>;

const State = t.Object({
  /** `unheard`: nothing has happened. */
  stage: t.Union([...Shown.properties.state.anyOf, t.Literal("unheard")]),
  subject: t.Optional(Subject),
  ask: t.Optional(Ask),
  chargeId: t.Optional(t.String()),
  reason: t.Optional(t.String()),
  createdAt: t.Optional(t.Integer()),
});
export interface PaymentState extends Value<typeof State> {}

/** One stream a registration; its id is derived from the registration's. */
export const payment = stream("payment", {
  events,
  state: State,
  begin: { stage: "unheard" },
  evolve(state, event): PaymentState {
    switch (event.type) {
      case "asked": {
        // A registration that was undone before it was heard of stays void.
        const stage = state.stage === "unheard" ? "charging" : state.stage;
        return { ...state, stage, subject: subjectOf(event.data), ask: event.data, createdAt: event.at };
      }
      case "charged":
        return { ...state, stage: "paid", chargeId: event.data.chargeId };
      case "declined":
        return { ...state, stage: "failed", reason: event.data.reason };
      case "given-up": {
        const stage = state.stage === "charging" ? "unknown" : state.stage;
        return { ...state, stage, reason: event.data.reason };
      }
      case "void-wanted":
        return { ...state, stage: "void-wanted", reason: event.data.reason };
      case "refund-wanted":
        return { ...state, stage: "refunding", reason: event.data.reason };
      case "refunded":
        return { ...state, stage: "refunded" };
      case "voided":
        return { ...state, stage: "void", subject: subjectOf(event.data), reason: event.data.reason };
    }
  },
});

const subjectOf = ({ registrationId, userId, courseId }: Subject): Subject => ({ registrationId, userId, courseId });
