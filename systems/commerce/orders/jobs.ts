import { contracts, t } from "holdfast/contract";

const { job } = contracts("orders");

export const ExpireOrder = job("expire-order", {
  summary: "An order that is still pending when this comes is rejected",
  data: t.Object({ orderId: t.String({ format: "uuid" }) }),
});
