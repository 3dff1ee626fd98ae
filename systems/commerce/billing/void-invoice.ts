import { OrderRejected } from "../orders/contracts.ts";
import { rejected } from "./invoice-life.ts";
import { RefundInvoice } from "./jobs.ts";
import { on } from "./scope.ts";

/** Nobody stays charged for a rejected order, whether its creation or its rejection is heard of first. */
export const voidInvoice = on(OrderRejected, async ({ data: { orderId, reason }, invoices, enqueue }) => {
  const invoice = await invoices.reject(orderId, reason);
  if (invoice === undefined) return;
  const { state, next } = rejected(invoice.state);
  if (state !== invoice.state) await invoices.move(orderId, { state, reason });
  if (next === "refund") enqueue(RefundInvoice, { orderId, invoiceId: invoice.invoiceId });
});
