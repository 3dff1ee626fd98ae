import { contracts, t } from "holdfast/contract";
import { LowStock, Sku } from "./contracts.ts";

const { job } = contracts("inventory");
const orderId = t.String({ format: "uuid" });
const part = { orderId, phase: t.Integer(), sku: Sku };
const quantity = t.Integer({ minimum: 1 });

export const ReservePart = job("reserve-part", {
  summary: "One SKU of an order is reserved",
  data: t.Object({ ...part, quantity }),
});
export const ReleasePart = job("release-part", {
  summary: "One SKU of an order is given back",
  data: t.Object({ ...part, quantity }),
});
export const PartReported = job("part-reported", {
  summary: "A reservation is told how one of its parts has ended",
  data: t.Object({ ...part, refused: t.Optional(t.String()) }),
});
export const TellOperator = job("tell-operator", { summary: "The operator is told of low stock", data: LowStock.data });
export const ExpireReservation = job("expire-reservation", {
  summary: "What no order has taken over by now is given back",
  data: t.Object({ orderId, phase: t.Integer() }),
});
