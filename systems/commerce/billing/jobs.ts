import { contracts, t } from "holdfast/contract";

const { job } = contracts("billing");
const data = t.Object({ orderId: t.String({ format: "uuid" }) });

export const ChargeInvoice = job("charge-invoice", { summary: "The gateway is asked for an invoice's money", data });
export const TellCustomer = job("tell-customer", { summary: "The customer is told of the payment", data });
export const RefundInvoice = job("refund-invoice", { summary: "The gateway is asked to give it back", data });
