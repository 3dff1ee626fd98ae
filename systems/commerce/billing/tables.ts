import { integer, table, text, timestamp, type Db } from "holdfast/sql";
import type { Invoice } from "./contracts.ts";

export const tables = {
  /** One an order. What is sent to the payment gateway never changes once the row is there. */
  invoices: table({
    orderId: text().primaryKey(),
    invoiceId: text(),
    customerId: text(),
    /** The signed-in user who placed the order; null for a guest's. */
    owner: text().optional(),
    amount: integer(),
    currency: text(),
    paymentMethod: text(),
    state: text<Invoice["state"]>(),
    /** The gateway's name for the charge, once it is known. */
    chargeId: text().optional(),
    reason: text().optional(),
    createdAt: timestamp(),
  }),
  /** What billing has heard of orders: the row that an order's creation and its rejection, whichever comes first, queue up on. */
  heardOrders: table({
    orderId: text().primaryKey(),
    /** Why the order was rejected: it is not charged any more. */
    rejection: text().optional(),
  }),
};
export type BillingDb = Db<typeof tables>;
