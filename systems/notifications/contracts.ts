import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";
import { numberPattern } from "./mail/sms.ts";

const { endpoint, problem } = contracts("notifications");

const notificationId = t.String({ format: "uuid" });
const userId = t.String({
  pattern: "^(?!guest:)",
  minLength: 1,
  maxLength: 255,
  description: "A user's id: the subject of the token",
});
const learnerId = t.String({ minLength: 1, maxLength: 255, description: "A user's id, or guest:<registrationId>" });
/** Who is told: a customer, whose address is asked for when it is needed, a user or a guest with the address, the operator, or an address. */
export const Recipient = t.Union([
  t.Object({ role: t.Literal("operator") }),
  t.Object({ customerId: t.String({ format: "uuid" }) }),
  t.Object({ userId: learnerId, email: t.String({ format: "email", maxLength: 254 }) }),
  t.Object({ email: t.String({ format: "email", maxLength: 254 }) }),
]);
export type Recipient = Value<typeof Recipient>;

/** What a person is told, by the name of its template. */
export const Kind = t.Union([
  t.Literal("order-paid"),
  t.Literal("order-confirmed"),
  t.Literal("order-rejected"),
  t.Literal("order-refunded"),
  t.Literal("registration-completed"),
  t.Literal("registration-failed"),
  t.Literal("registration-cancelled"),
  t.Literal("registration-refunded"),
  t.Literal("low-stock"),
  t.Literal("sold-out"),
]);
export type Kind = Value<typeof Kind>;

export const Notification = t.Object({
  notificationId,
  kind: Kind,
  subject: t.String(),
  to: t.String({ description: "The address, or the number; empty while it is not known yet" }),
  state: t.Union([t.Literal("waiting"), t.Literal("sent"), t.Literal("bounced"), t.Literal("unwanted")]),
  reason: t.Optional(t.String({ description: "Why it bounced" })),
  createdAt: t.String({ format: "date-time" }),
});
export interface Notification extends Value<typeof Notification> {}

export const UnknownNotification = problem("notifications/unknown-notification", {
  status: 404,
  retryable: false,
  summary: "No such notification",
  detail: "There is no notification {notificationId}.",
  facts: t.Object({ notificationId: t.String() }),
});

export const Notify = endpoint("POST /notify", {
  summary: "Tell a person of a fact, once",
  description:
    "The same fact (kind and about) makes one message, whether it is told by this call, by an event, or by both; it is sent soon.",
  access: "service",
  idempotent: true,
  body: t.Object({
    kind: Kind,
    about: t.String({ minLength: 1, maxLength: 200, description: "What the fact is about: an order's id, a crossing" }),
    to: Recipient,
    facts: t.Record(t.String({ maxLength: 50 }), t.Union([t.String({ maxLength: 500 }), t.Number()]), {
      description: "What the template names",
    }),
  }),
  replies: { 202: Notification },
});
export const GetNotification = endpoint("GET /notifications/{notificationId}", {
  summary: "A notification and what became of it",
  access: "operator",
  params: t.Object({ notificationId }),
  replies: { 200: Notification },
  problems: [UnknownNotification],
});

export const Mail = t.Object({
  messageId: t.String(),
  to: t.String({ description: "An address; a number, where it is a short message" }),
  subject: t.String({ description: "Empty in a short message" }),
  text: t.String(),
  at: t.String({ format: "date-time" }),
});
export const ListMail = endpoint("GET /notifications", {
  summary: "What was sent, newest first, while it is captured instead",
  description: "Mail and short messages. For operators; for anyone where the settings show openly what is captured.",
  access: "anyone",
  query: t.Object(pageQuery),
  replies: { 200: page(Mail) },
});

export const Preferences = t.Object({
  email: t.Boolean({ description: "Whether mail is wanted at all" }),
  sms: t.Optional(
    t.String({ pattern: numberPattern, description: "The number that is told by short messages, in place of mail" }),
  ),
  muted: t.Array(Kind, { maxItems: 20, uniqueItems: true, description: "What is not wanted" }),
});
export interface Preferences extends Value<typeof Preferences> {}
const ofUser = { access: "user", params: t.Object({ userId }) } as const;
export const GetPreferences = endpoint("GET /notifications/preferences/{userId}", {
  summary: "How a user wants to be told, and of what; for that user, and for operators",
  ...ofUser,
  replies: { 200: Preferences },
});
export const PutPreferences = endpoint("PUT /notifications/preferences/{userId}", {
  summary: "Say how a user wants to be told, and of what",
  description:
    "They hold for what is the user's own: registrations, and orders of customer records that the user made signed in. Guests have none: they are told by mail.",
  ...ofUser,
  body: Preferences,
  replies: { 200: Preferences },
});
