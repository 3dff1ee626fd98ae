import { t } from "holdfast/contract";
import { documents } from "holdfast/documents";
import { service } from "holdfast/service";
import { reservations, stock } from "./collections.ts";

export const { handle, on, job, assemble } = service("inventory", {
  store: documents({ collections: { stock, reservations } }),
  config: {
    expiryMs: t.Integer({
      default: 120_000,
      minimum: 1_000,
      description: "a reservation that no order takes over is given back after this many milliseconds",
    }),
    waitMs: t.Integer({
      default: 2_000,
      minimum: 0,
      maximum: 8_000,
      description: "POST /stock/reserve waits this many milliseconds for the outcome",
    }),
  },
  resources: ({ runtime, config }) =>
    Promise.resolve({
      sleep: (ms: number, signal: AbortSignal) => runtime.timers.sleep(ms, signal),
      waitMs: config.waitMs,
    }),
  scope: ({ docs, config }) => ({ docs, expiryMs: config.expiryMs }),
});
