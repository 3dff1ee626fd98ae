import type { Order, OrderFact } from "./contracts.ts";

/** Where an order stands. */
export interface OrderState {
  readonly status: Order["status"];
  readonly paid: boolean;
  readonly reserved: boolean;
  readonly reason: string | undefined;
}

export type Fact = Exclude<OrderFact["fact"], "placed">;

export interface Move {
  readonly state: OrderState;
  readonly effect: OrderFact["effect"];
}

export const placed: OrderState = { status: "pending", paid: false, reserved: false, reason: undefined };

/**
 * What moves an order. It is confirmed when it is both paid and reserved, in whichever order the two are heard of; rejected at the first thing that
 * stands against it, or when its time is over. A rejection undoes what was done: inventory releases and billing refunds when they hear of
 * `order.rejected`. What comes to an order that is decided changes nothing, and is kept.
 */
export function move(state: OrderState, fact: Fact, note: string): Move {
  if (state.status !== "pending") return { state, effect: fact === "refunded" ? "noted" : "too late" };
  switch (fact) {
    case "paid":
      return confirmed({ ...state, paid: true });
    case "reserved":
      return confirmed({ ...state, reserved: true });
    case "refunded":
      return { state, effect: "noted" };
    case "payment-failed":
    case "stock-rejected":
    case "timed-out":
      return { state: { ...state, status: "rejected", reason: `${reasons[fact]}: ${note}` }, effect: "rejected" };
  }
}

function confirmed(state: OrderState): Move {
  return state.paid && state.reserved
    ? { state: { ...state, status: "confirmed" }, effect: "confirmed" }
    : { state, effect: "noted" };
}

const reasons = {
  "payment-failed": "it could not be charged",
  "stock-rejected": "it could not be reserved",
  "timed-out": "its time was over",
} as const;
