import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { KnownCustomers } from "./known-customers.ts";
import { migrations } from "./migrations/index.ts";
import { OrderStore } from "./order-store.ts";
import { tables } from "./tables.ts";

export const { handle, on, assemble } = service("orders", {
  store: sql({ tables, migrations }),
  scope: ({ db, caller }) => ({ orders: new OrderStore(db, caller), customers: new KnownCustomers(db, caller) }),
});
