import { integer, table, text, timestamp, type Db } from "holdfast/sql";
import { projected, projection, streamTables } from "holdfast/streams";
import { payment, type PaymentState } from "./payment.ts";

/** What is shown of payments; derived from what happened to them. */
const payments = table(
  {
    paymentId: text().primaryKey(),
    ...projected,
    state: text<PaymentState["stage"]>(),
    registrationId: text().optional(),
    userId: text().optional(),
    courseId: text().optional(),
    /** The signed-in user who registered; null for a guest's. */
    owner: text().optional(),
    /** Null until the registration is heard of, and so is the currency. */
    amount: integer().optional(),
    currency: text().optional(),
    reason: text().optional(),
    createdAt: timestamp().optional(),
  },
  { indexes: [{ on: ["registrationId"] }] },
);
export const tables = { ...streamTables, payments };
export type PaymentsDb = Db<typeof tables>;

export const paymentRows = projection(payment, {
  into: "payments",
  table: payments,
  row: (paymentId, { stage, subject, ask, reason, createdAt }) => ({
    paymentId,
    state: stage,
    registrationId: subject?.registrationId ?? null,
    userId: subject?.userId ?? null,
    courseId: subject?.courseId ?? null,
    owner: ask?.owner ?? null,
    amount: ask?.total.amount ?? null,
    currency: ask?.total.currency ?? null,
    reason: reason ?? null,
    createdAt: createdAt ?? null,
  }),
});
