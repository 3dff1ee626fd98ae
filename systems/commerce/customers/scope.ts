import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { CustomerStore } from "./customer-store.ts";
import { migrations } from "./migrations/index.ts";
import { tables } from "./tables.ts";

export const { handle, on, assemble } = service("customers", {
  store: sql({ tables, migrations }),
  scope: ({ db, caller }) => ({ customers: new CustomerStore(db, caller) }),
});
