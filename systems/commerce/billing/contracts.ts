import { contracts, t, type Value } from "holdfast/contract";
import { Money, PaymentMethod } from "../../money.ts";
import { stripeWebhook } from "../../payment-gateway/stripe-webhook.ts";

const { endpoint, event, problem } = contracts("billing", { exchange: "commerce" });

const orderId = t.String({ format: "uuid" });
const customerId = t.String({ format: "uuid" });
const about = {
  orderId,
  customerId,
  total: Money,
  owner: t.Optional(t.String({ description: "The signed-in user who placed the order; absent for a guest's" })),
};

export const Invoice = t.Object({
  invoiceId: t.String({ format: "uuid" }),
  orderId,
  customerId,
  total: Money,
  state: t.Union([
    t.Literal("charging"),
    t.Literal("paid"),
    t.Literal("failed"),
    t.Literal("void-wanted"),
    t.Literal("refunding"),
    t.Literal("refunded"),
    t.Literal("void"),
  ]),
  reason: t.Optional(t.String({ description: "Why the charge failed, or why there is none" })),
  createdAt: t.String({ format: "date-time" }),
});
export interface Invoice extends Value<typeof Invoice> {}

export const UnknownInvoice = problem("billing/unknown-invoice", {
  status: 404,
  retryable: false,
  summary: "No such invoice",
  detail: "There is no invoice for the order {orderId}, or it is not yours to see.",
  facts: t.Object({ orderId: t.String() }),
});
export const OtherTotal = problem("billing/other-total", {
  status: 409,
  retryable: false,
  summary: "The order is invoiced with another total",
  detail: "There is an invoice for the order {orderId}, and its total is another one.",
  facts: t.Object({ orderId: t.String() }),
});

export const OrderPaid = event("order.paid", {
  version: 1,
  key: "orderId",
  summary: "An order's charge went through",
  data: t.Object({ orderId, customerId, total: Money }),
});
export const OrderPaymentFailed = event("order.payment-failed", {
  version: 1,
  key: "orderId",
  summary: "An order could not be charged",
  data: t.Object({ orderId, customerId, reason: t.String() }),
});
export const OrderRefunded = event("order.refunded", {
  version: 1,
  key: "orderId",
  summary: "What an order had paid was given back",
  data: t.Object({ orderId, customerId, total: Money }),
});

export const BillOrder = endpoint("POST /billing", {
  summary: "Make the invoice of an order and have it charged",
  description: "One invoice an order, however often it is asked for; the charge itself follows.",
  access: "service",
  idempotent: true,
  body: t.Object({ ...about, paymentMethod: PaymentMethod }),
  replies: { 201: Invoice },
  problems: [OtherTotal, UnknownInvoice],
});
export const GetInvoice = endpoint("GET /billing/{orderId}", {
  summary: "The invoice of an order",
  access: "anyone",
  params: t.Object({ orderId }),
  replies: { 200: Invoice },
  problems: [UnknownInvoice],
});

export const { StripeWebhook, WebhookRefused } = stripeWebhook("billing");
