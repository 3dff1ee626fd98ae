import { t } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { KnownCustomers } from "./known-customers.ts";
import { KnownProducts } from "./known-products.ts";
import { migrations } from "./migrations/index.ts";
import { OrderStore } from "./order-store.ts";
import { tables } from "./tables.ts";

export const { handle, on, job, assemble } = service("orders", {
  store: sql({ tables, migrations, isolation: "read committed" }),
  config: {
    timeoutMs: t.Integer({
      default: 900_000,
      minimum: 1_000,
      description: "an order that is still pending after this many milliseconds is rejected",
    }),
  },
  scope: ({ db, caller, config }) => ({
    orders: new OrderStore(db, caller),
    customers: new KnownCustomers(db, caller),
    products: new KnownProducts(db),
    timeoutMs: config.timeoutMs,
  }),
});
