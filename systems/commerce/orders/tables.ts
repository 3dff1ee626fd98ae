import { boolean, identity, integer, json, table, text, timestamp, type Db } from "holdfast/sql";
import type { Order, OrderFact } from "./contracts.ts";

export const tables = {
  orders: table(
    {
      orderId: text().primaryKey(),
      customerId: text(),
      /** 1 for the customer's first order, without gaps. */
      number: integer(),
      /** The signed-in user who placed it; null for a guest's. */
      owner: text().optional(),
      status: text<Order["status"]>(),
      paid: boolean(),
      reserved: boolean(),
      /** Why it was rejected. */
      reason: text().optional(),
      lines: json<readonly Order["lines"][number][]>(),
      amount: integer(),
      currency: text(),
      createdAt: timestamp(),
    },
    { indexes: [{ on: ["customerId", "number"], unique: true }] },
  ),
  /** What came to an order's ears, and what it did to it: nothing is thrown away. */
  orderFacts: table(
    {
      id: identity(),
      orderId: text(),
      at: timestamp(),
      fact: text<OrderFact["fact"]>(),
      effect: text<OrderFact["effect"]>(),
      note: text().optional(),
    },
    { indexes: [{ on: ["orderId", "id"] }] },
  ),
  /** What orders knows of customers, learnt from `customer.created` or by asking. */
  knownCustomers: table({
    customerId: text().primaryKey(),
    /** The user who owns the record; null for a guest's. */
    owner: text().optional(),
    /** How many orders the customer has placed: the row that orders of one customer queue up on. */
    orders: integer(),
  }),
  /** What orders knows of products, learnt from `stock.updated` or by asking. */
  knownProducts: table({ sku: text().primaryKey(), name: text(), amount: integer(), currency: text() }),
};
export type OrdersDb = Db<typeof tables>;
