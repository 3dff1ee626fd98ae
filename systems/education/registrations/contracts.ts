import { contracts, t, type Value } from "holdfast/contract";
import { Money, PaymentMethod } from "../../money.ts";
import { courseId, email, registrationId, subject, userId } from "../fields.ts";

const { endpoint, event, problem } = contracts("registrations", { exchange: "registrations" });

export const Stage = t.Union([
  t.Literal("paying"),
  t.Literal("activating"),
  t.Literal("completed"),
  t.Literal("refunding"),
  t.Literal("cancelling"),
  t.Literal("failed"),
  t.Literal("cancelled"),
]);
export const Registration = t.Object({
  ...subject,
  userId: t.String({ description: "As it was sent; where nothing was, who learns as courses know it" }),
  stage: Stage,
  reason: t.Optional(t.String({ description: "Why it failed, or is cancelled" })),
  total: Money,
  createdAt: t.String({ format: "date-time" }),
});
export interface Registration extends Value<typeof Registration> {}

/** What came to a registration's ears, and what it did to it. */
export const RegistrationFact = t.Object({
  at: t.String({ format: "date-time" }),
  fact: t.Union([
    t.Literal("registered"),
    t.Literal("paid"),
    t.Literal("payment-failed"),
    t.Literal("completed"),
    t.Literal("refused"),
    t.Literal("refunded"),
    t.Literal("voided"),
    t.Literal("cancelled-by-user"),
    t.Literal("timed-out"),
  ]),
  effect: t.Union([
    t.Literal("noted"),
    t.Literal("moved"),
    t.Literal("completed"),
    t.Literal("cancelling"),
    t.Literal("failed"),
    t.Literal("cancelled"),
    t.Literal("too late"),
  ]),
  note: t.Optional(t.String()),
});
export interface RegistrationFact extends Value<typeof RegistrationFact> {}

export const UnknownRegistration = problem("registrations/unknown-registration", {
  status: 404,
  retryable: false,
  summary: "No such registration",
  detail: "There is no registration {registrationId}, or it is not yours to see.",
  facts: t.Object({ registrationId: t.String() }),
});
export const UnknownCourse = problem("registrations/unknown-course", {
  status: 404,
  retryable: false,
  summary: "The registration names a course that does not exist",
  detail: "There is no course {courseId}.",
  facts: t.Object({ courseId: t.String() }),
});
export const AlreadyRegistered = problem("registrations/already-registered", {
  status: 409,
  retryable: false,
  summary: "The signed-in user is registered for the course, or about to be",
  detail:
    "The user {userId} has a registration for the course {courseId} already; a failed or cancelled one would not count.",
  facts: t.Object({ userId: t.String(), courseId: t.String() }),
});
export const HasFailed = problem("registrations/failed", {
  status: 409,
  retryable: false,
  summary: "A failed registration cannot be cancelled",
  detail: "The registration {registrationId} has failed: {reason}",
  facts: t.Object({ registrationId: t.String(), reason: t.String() }),
});

export const RegistrationCreated = event("registration.created", {
  version: 1,
  key: "registrationId",
  summary: "A user wants to take a course; what it costs is to be paid",
  data: t.Object({
    ...subject,
    email,
    total: Money,
    paymentMethod: PaymentMethod,
    owner: t.Optional(t.String({ description: "The signed-in user who registered; absent for a guest's" })),
  }),
});
export const RegistrationCancelled = event("registration.cancelled", {
  version: 1,
  key: "registrationId",
  summary: "A registration is to be undone: seat and access are freed, and then what was paid is given back",
  data: t.Object({ ...subject, email, reason: t.String() }),
});
export const RegistrationFailed = event("registration.failed", {
  version: 1,
  key: "registrationId",
  summary: "A registration came to nothing; nothing stays paid for it",
  data: t.Object({ ...subject, email, reason: t.String() }),
});

export const Register = endpoint("POST /register", {
  summary: "Register a user for a course",
  description:
    "The fields stand in the query, as the education sketch has them. A signed-in user registers themselves: `user_id` is left out, or their own. A guest's `user_id` is a name and nobody's id: to courses and payments the guest is `guest:<registrationId>`.",
  access: "anyone",
  idempotent: true,
  query: t.Object({
    user_id: t.Optional(userId),
    user_email: email,
    course_id: courseId,
    payment_method: t.Optional(PaymentMethod),
  }),
  replies: { 201: { body: Registration, headers: t.Object({ location: t.String() }) } },
  problems: [UnknownCourse, AlreadyRegistered],
});
const byId = { access: "anyone", params: t.Object({ registrationId }), problems: [UnknownRegistration] } as const;
export const GetRegistration = endpoint("GET /registrations/{registrationId}", {
  summary: "How far a registration is, and why",
  ...byId,
  replies: { 200: Registration },
});
export const GetRegistrationHistory = endpoint("GET /registrations/{registrationId}/history", {
  summary: "Everything that a registration was told, and what came of it, oldest first",
  ...byId,
  replies: { 200: t.Object({ items: t.Array(RegistrationFact) }) },
});
export const CancelRegistration = endpoint("POST /registrations/{registrationId}/cancel", {
  summary: "Cancel a registration",
  description: "Seat and access are freed first, then the money is given back. Asked for again, it is as it is.",
  ...byId,
  idempotent: true,
  replies: { 202: Registration },
  problems: [UnknownRegistration, HasFailed],
});
