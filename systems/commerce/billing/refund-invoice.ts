import { OrderRefunded } from "./contracts.ts";
import { refunded } from "./invoice-life.ts";
import { refundKey, RefundInvoice } from "./jobs.ts";
import { patience } from "../../payment-gateway/patience.ts";
import { job } from "./scope.ts";

export const refundInvoice = job(RefundInvoice, {
  prepare: async ({ data: { orderId, invoiceId }, invoices, gateway, signal }) => {
    const { total, chargeId } = await invoices.require(orderId);
    if (chargeId === undefined) throw new Error(`The invoice of the order ${orderId} was never charged.`);
    await gateway.refund({ key: refundKey(invoiceId), chargeId, ...total }, signal);
  },
  run: async ({ data: { orderId }, invoices, publish }) => {
    const invoice = await invoices.lock(orderId);
    const state = refunded(invoice.state);
    if (state === invoice.state) return;
    await invoices.move(orderId, { state });
    publish(OrderRefunded, { orderId, customerId: invoice.customerId, total: invoice.total });
  },
  retry: patience,
  effectKeys: ({ invoiceId }) => [refundKey(invoiceId)],
});
