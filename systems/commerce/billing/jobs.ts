import { contracts, t } from "holdfast/contract";

const { job } = contracts("billing");
const id = t.String({ format: "uuid" });
const data = t.Object({ orderId: id });
/** The gateway knows a charge and a refund by keys that name the invoice: its dead letter lists them. */
const payable = t.Object({ orderId: id, invoiceId: id });
export const chargeKey = (invoiceId: string): string => `charge-${invoiceId}`;
export const refundKey = (invoiceId: string): string => `refund-${invoiceId}`;

export const ChargeInvoice = job("charge-invoice", {
  summary: "The gateway is asked for an invoice's money",
  data: payable,
});
export const TellCustomer = job("tell-customer", { summary: "The customer is told of the payment", data });
export const RefundInvoice = job("refund-invoice", { summary: "The gateway is asked to give it back", data: payable });
