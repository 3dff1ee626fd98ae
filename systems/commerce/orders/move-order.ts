import type { Inside } from "holdfast/service";
import { OrderPaid, OrderPaymentFailed, OrderRefunded } from "../billing/contracts.ts";
import { StockRejected, StockReserved } from "../inventory/contracts.ts";
import { OrderConfirmed, OrderRejected } from "./contracts.ts";
import { ExpireOrder } from "./jobs.ts";
import { move, type Fact } from "./order-life.ts";
import type { OrderStore } from "./order-store.ts";
import { job, on } from "./scope.ts";

interface Given extends Pick<Inside, "publish" | "now"> {
  readonly orders: OrderStore;
}

/** Tells an order of a fact: what comes of it is decided in order-life.ts, recorded, and published where it is the end. */
async function tell({ orders, publish, now }: Given, orderId: string, fact: Fact, note = ""): Promise<void> {
  const { order, state: before } = await orders.lock(orderId);
  const { state, effect } = move(before, fact, note);
  await orders.move(orderId, state, { at: now(), fact, effect, note });
  const { customerId, total } = order;
  if (effect === "confirmed") publish(OrderConfirmed, { orderId, customerId, total });
  if (effect === "rejected") publish(OrderRejected, { orderId, customerId, reason: state.reason ?? "" });
}

export const movers = [
  on(OrderPaid, ({ data, ...given }) => tell(given, data.orderId, "paid")),
  on(OrderPaymentFailed, ({ data, ...given }) => tell(given, data.orderId, "payment-failed", data.reason)),
  on(OrderRefunded, ({ data, ...given }) => tell(given, data.orderId, "refunded")),
  on(StockReserved, ({ data, ...given }) => tell(given, data.orderId, "reserved")),
  on(StockRejected, ({ data, ...given }) => tell(given, data.orderId, "stock-rejected", data.reason)),
];

export const expireOrder = job(ExpireOrder, ({ data, ...given }) =>
  tell(given, data.orderId, "timed-out", "it was neither confirmed nor rejected"),
);
