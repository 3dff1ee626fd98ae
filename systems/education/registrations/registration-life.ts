import type { Registration, RegistrationFact } from "./contracts.ts";

export type Stage = Registration["stage"];
export type Fact = Exclude<RegistrationFact["fact"], "registered">;

/** Where a registration stands. */
export interface RegistrationState {
  readonly stage: Stage;
  /** Why it fails, or is cancelled; known before it has ended. */
  readonly reason: string | undefined;
  /** Nothing is kept of what it costs, now or later. */
  readonly unpaid: boolean;
}

export interface Move {
  readonly state: RegistrationState;
  readonly effect: RegistrationFact["effect"];
  /** What must follow. */
  readonly next: "none" | "publish-cancelled" | "publish-failed";
}

export const registered: RegistrationState = { stage: "paying", reason: undefined, unpaid: false };

/** Once ended it never moves again, and the user may register for the course anew. */
export const hasEnded = ({ stage }: Pick<RegistrationState, "stage">): boolean =>
  stage === "failed" || stage === "cancelled";

/**
 * What a registration is told, and what comes of it. Payments and courses are heard of in any order: `completed` and `refused` may come before the `paid`
 * that they follow, `refunded` before the `refused` or `payment-failed` that it follows. What changes nothing is kept.
 */
export function move(before: RegistrationState, fact: Fact, note: string): Move {
  const state = hasEnded(before) ? before : ended(told(before, fact, note));
  const { stage } = state;
  if (stage === before.stage) return { state, effect: isLate(before, fact) ? "too late" : "noted", next: "none" };
  switch (stage) {
    case "failed":
      return { state, effect: "failed", next: "publish-failed" };
    case "cancelling":
    case "cancelled":
      return { state, effect: stage, next: before.stage === "cancelling" ? "none" : "publish-cancelled" };
    case "completed":
      return { state, effect: "completed", next: "none" };
    case "paying":
    case "activating":
    case "refunding":
      return { state, effect: "moved", next: "none" };
  }
}

/** What moves a registration, what undoes it, what times it out. */
function told(state: RegistrationState, fact: Fact, note: string): RegistrationState {
  const { stage } = state;
  const isOpen = stage === "paying" || stage === "activating";
  const reason = note === "" ? reasons[fact] : `${reasons[fact]}: ${note}`;
  switch (fact) {
    case "paid":
      return stage === "paying" ? { ...state, stage: "activating" } : state;
    case "completed":
      return isOpen ? { ...state, stage: "completed" } : state;
    case "refused":
      return isOpen ? { ...state, stage: "refunding", reason } : state;
    case "payment-failed":
      if (stage === "paying") return { stage: "refunding", reason, unpaid: true };
      return stage === "cancelling" ? { ...state, unpaid: true } : state;
    case "refunded":
    case "voided":
      return { ...state, unpaid: true };
    case "cancelled-by-user":
      return stage === "cancelling" ? state : { ...state, stage: "cancelling", reason };
    case "timed-out":
      return isOpen ? { ...state, stage: "cancelling", reason } : state;
  }
}

/** It ends only when nothing stays paid for it: courses undo a cancelled one first, and then payments, when they hear of it. */
function ended(state: RegistrationState): RegistrationState {
  if (!state.unpaid) return state;
  if (state.stage === "cancelling") return { ...state, stage: "cancelled" };
  return state.stage === "refunding" ? { ...state, stage: "failed" } : state;
}

/** What would have moved it, had it come before. The money's way back is never late. */
function isLate({ stage }: RegistrationState, fact: Fact): boolean {
  if (fact === "refunded" || fact === "voided") return false;
  return fact === "timed-out" || stage === "cancelling" || stage === "cancelled" || stage === "failed";
}

const reasons: Readonly<Record<Fact, string>> = {
  paid: "",
  completed: "",
  refused: "there is no seat",
  "payment-failed": "it could not be charged",
  refunded: "",
  voided: "",
  "cancelled-by-user": "the user cancelled it",
  "timed-out": "its time was over",
};
