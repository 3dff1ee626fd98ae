import { OrderPaid, OrderPaymentFailed } from "./contracts.ts";
import { isSettled, settled } from "./invoice-life.ts";
import { chargeKey, ChargeInvoice, RefundInvoice, TellCustomer } from "./jobs.ts";
import { patience } from "../../payment-gateway/patience.ts";
import { job } from "./scope.ts";

/**
 * Asks until the answer is definite, also when nobody wants the money any more: what was asked for once may have been charged. The key names the invoice, so
 * that every repetition, by whichever message or instance, is the same charge; one that comes when the answer is known asks for nothing.
 */
export const chargeInvoice = job(ChargeInvoice, {
  prepare: async ({ data: { orderId, invoiceId }, invoices, gateway, signal }) => {
    const { total, paymentMethod, state, createdAt } = await invoices.require(orderId);
    if (isSettled(state)) return undefined;
    const charge = { key: chargeKey(invoiceId), ...total, method: paymentMethod, reference: orderId };
    return gateway.charge({ ...charge, since: Date.parse(createdAt) }, signal);
  },
  run: async ({ data: { orderId }, prepared, invoices, publish, enqueue }) => {
    if (prepared === undefined) return;
    const invoice = await invoices.lock(orderId);
    const { customerId, total } = invoice;
    const { state, next } = settled(invoice.state, prepared.kind);
    const reason = prepared.kind === "declined" ? prepared.reason : undefined;
    await invoices.move(orderId, {
      state,
      reason,
      chargeId: prepared.kind === "charged" ? prepared.chargeId : undefined,
    });
    if (next === "publish-paid") {
      publish(OrderPaid, { orderId, customerId, total });
      enqueue(TellCustomer, { orderId });
    }
    if (next === "publish-failed") publish(OrderPaymentFailed, { orderId, customerId, reason: reason ?? "" });
    if (next === "refund") enqueue(RefundInvoice, { orderId, invoiceId: invoice.invoiceId });
  },
  retry: patience,
  effectKeys: ({ invoiceId }) => [chargeKey(invoiceId)],
});
