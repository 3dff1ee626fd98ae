import { written } from "../../money.ts";
import { Notify } from "../../notifications/contracts.ts";
import { TellCustomer } from "./jobs.ts";
import { job } from "./scope.ts";

/** Notifications hears of a payment by `order.paid`, too; whichever comes first, the customer is told once. */
export const tellCustomer = job(TellCustomer, {
  prepare: async ({ data: { orderId }, invoices, call }) => {
    const { customerId, total } = await invoices.require(orderId);
    const facts = { orderId, total: written(total) };
    await call(Notify, { body: { kind: "order-paid", about: orderId, to: { customerId }, facts } });
  },
  run: () => Promise.resolve(),
});
