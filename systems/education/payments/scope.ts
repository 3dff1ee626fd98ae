import { t } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { streams } from "holdfast/streams";
import { gatewayFaults, gatewaySettings, openGateway, stripeEvents } from "../../payment-gateway/index.ts";
import { keyRetentionMs } from "../../payment-gateway/port.ts";
import { migrations } from "./migrations/index.ts";
import { PaymentStore } from "./payment-store.ts";
import { payment } from "./payment.ts";
import { paymentRows, tables } from "./tables.ts";

export const { handle, on, job, assemble } = service("payments", {
  store: sql({ tables, migrations, isolation: "read committed" }),
  config: {
    ...gatewaySettings,
    patienceMs: t.Integer({
      default: 300_000,
      minimum: 0,
      // With the time in which it is asked on, it stays within the gateway's memory of its keys.
      maximum: keyRetentionMs / 4,
      description: "milliseconds that the gateway is asked for an answer before a registration's payment fails",
    }),
  },
  configFaults: gatewayFaults,
  resources: (given) => Promise.resolve({ gateway: openGateway(given), events: stripeEvents(given.config) }),
  scope: (given) => {
    const all = streams(payment, { ...given, projections: [paymentRows] });
    return {
      payments: new PaymentStore(given.db, all, given.caller),
      streams: all,
      patienceMs: given.config.patienceMs,
    };
  },
});
