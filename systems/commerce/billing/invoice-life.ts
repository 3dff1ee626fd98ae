import type { Invoice } from "./contracts.ts";

export type State = Invoice["state"];
export type Charge = "charged" | "declined";

/** What must follow a change of state. */
export type Consequence = "none" | "publish-paid" | "publish-failed" | "refund";

export interface Move {
  readonly state: State;
  readonly next: Consequence;
}

/**
 * What becomes of an invoice when the gateway has given its definite answer. `void-wanted`: the order was rejected while the charge was asked for;
 * what was charged all the same is given back.
 */
export function settled(state: State, charge: Charge): Move {
  if (state === "charging")
    return charge === "charged" ? { state: "paid", next: "publish-paid" } : { state: "failed", next: "publish-failed" };
  if (state === "void-wanted")
    return charge === "charged" ? { state: "refunding", next: "refund" } : { state: "void", next: "none" };
  return { state, next: "none" };
}

/** Whether the gateway has given its definite answer, or was never asked. */
export const isSettled = (state: State): boolean => state !== "charging" && state !== "void-wanted";

/** What becomes of an invoice when its order is rejected: nobody stays charged for it. */
export function rejected(state: State): Move {
  if (state === "charging") return { state: "void-wanted", next: "none" };
  if (state === "paid") return { state: "refunding", next: "refund" };
  return { state, next: "none" };
}

/** What becomes of an invoice when the gateway has given the money back. */
export const refunded = (state: State): State => (state === "refunding" ? "refunded" : state);
