import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { gatewayFaults, gatewaySettings, openGateway, stripeEvents } from "../../payment-gateway/index.ts";
import { InvoiceStore } from "./invoice-store.ts";
import { migrations } from "./migrations/index.ts";
import { tables } from "./tables.ts";

export const { handle, on, job, assemble } = service("billing", {
  store: sql({ tables, migrations, isolation: "read committed" }),
  config: gatewaySettings,
  configFaults: gatewayFaults,
  resources: (given) => Promise.resolve({ gateway: openGateway(given), events: stripeEvents(given.config) }),
  scope: ({ db, caller }) => ({ invoices: new InvoiceStore(db, caller) }),
});
