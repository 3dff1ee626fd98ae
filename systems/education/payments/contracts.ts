import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";
import { RebuildReport, StreamEvent } from "holdfast/streams";
import { Money } from "../../money.ts";
import { stripeWebhook } from "../../payment-gateway/stripe-webhook.ts";
import { email, registrationId, subject } from "../fields.ts";

const { endpoint, event, problem } = contracts("payments", { exchange: "registrations" });

const paymentId = t.String({ format: "uuid" });

export const Payment = t.Object({
  paymentId,
  ...subject,
  total: Money,
  state: t.Union([
    t.Literal("charging"),
    t.Literal("paid"),
    t.Literal("failed"),
    t.Literal("unknown"),
    t.Literal("void-wanted"),
    t.Literal("refunding"),
    t.Literal("refunded"),
    t.Literal("void"),
  ]),
  reason: t.Optional(t.String({ description: "Why the charge failed, or why there is none" })),
  createdAt: t.String({ format: "date-time" }),
});
export interface Payment extends Value<typeof Payment> {}

export const UnknownPayment = problem("payments/unknown-payment", {
  status: 404,
  retryable: false,
  summary: "No such payment",
  detail: "There is no payment {paymentId}, or it is not yours to see.",
  facts: t.Object({ paymentId: t.String() }),
});

export const RegistrationPaid = event("registration.paid", {
  version: 1,
  key: "registrationId",
  summary: "What a registration costs is paid",
  data: t.Object({ ...subject, email, paymentId, total: Money }),
});
export const RegistrationPaymentFailed = event("registration.payment-failed", {
  version: 1,
  key: "registrationId",
  summary: "A registration could not be charged; a charge that comes of it later all the same is given back",
  data: t.Object({ ...subject, reason: t.String() }),
});
export const RegistrationRefunded = event("registration.refunded", {
  version: 1,
  key: "registrationId",
  summary: "What was paid for a registration was given back",
  data: t.Object({ ...subject, email, total: Money }),
});
export const RegistrationVoided = event("registration.voided", {
  version: 1,
  key: "registrationId",
  summary: "Nothing was or will be charged for a cancelled registration",
  data: t.Object(subject),
});

export const NoAnswer = problem("payments/no-answer", {
  status: 504,
  retryable: false,
  summary: "The payment gateway gave no answer while there was patience",
  detail: "What became of the charge of the payment {paymentId} is found out on its own.",
  facts: t.Object({ paymentId: t.String() }),
});

export const { StripeWebhook, WebhookRefused } = stripeWebhook("payments");

const byId = { params: t.Object({ paymentId }), problems: [UnknownPayment] } as const;
export const GetPayment = endpoint("GET /payments/{paymentId}", {
  summary: "A payment",
  access: "anyone",
  ...byId,
  replies: { 200: Payment },
});
export const GetPaymentEvents = endpoint("GET /payments/{paymentId}/events", {
  summary: "Everything that happened to a payment, oldest first, and what it was caused by",
  access: "operator",
  ...byId,
  query: t.Object(pageQuery),
  replies: { 200: page(StreamEvent) },
});
export const ListPayments = endpoint("GET /payments", {
  summary: "The payments, or that of one registration",
  access: "operator",
  query: t.Object({ ...pageQuery, registrationId: t.Optional(registrationId) }),
  replies: { 200: page(Payment) },
});
export const RebuildPayments = endpoint("POST /payment-rebuilds", {
  summary: "Have every payment that is shown checked against what happened to it, and mended",
  description: "Payments are shown and made meanwhile. A rebuild that is under way ends, and this one begins.",
  access: "operator",
  idempotent: true,
  replies: { 202: RebuildReport },
});
export const GetPaymentRebuild = endpoint("GET /payment-rebuilds/last", {
  summary: "How far the last rebuild is, and what it found",
  access: "operator",
  replies: { 200: t.Object({ last: t.Optional(RebuildReport) }) },
});
