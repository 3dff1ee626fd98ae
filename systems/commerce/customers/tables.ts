import { table, text, timestamp, type Db } from "holdfast/sql";

export const tables = {
  customers: table({
    customerId: text().primaryKey(),
    name: text(),
    email: text(),
    /** The signed-in user who made the record; null for a guest's. */
    owner: text().optional(),
    createdAt: timestamp(),
  }),
};
export type CustomersDb = Db<typeof tables>;
