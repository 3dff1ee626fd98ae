import { integer, json, table, text, timestamp, type Db } from "holdfast/sql";

export const tables = {
  orders: table(
    {
      orderId: text().primaryKey(),
      customerId: text(),
      /** 1 for the customer's first order, without gaps. */
      number: integer(),
      /** The signed-in user who placed it; null for a guest's. */
      owner: text().optional(),
      status: text<"pending" | "confirmed" | "rejected">(),
      lines: json<readonly { readonly sku: string; readonly quantity: number }[]>(),
      createdAt: timestamp(),
    },
    { indexes: [{ on: ["customerId", "number"], unique: true }] },
  ),
  /** What orders knows of customers, learnt from `customer.created` or by asking. */
  knownCustomers: table({
    customerId: text().primaryKey(),
    /** The user who owns the record; null for a guest's. */
    owner: text().optional(),
    /** How many orders the customer has placed: the row that orders of one customer queue up on. */
    orders: integer(),
  }),
};
export type OrdersDb = Db<typeof tables>;
