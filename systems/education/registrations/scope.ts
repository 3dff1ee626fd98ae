import { t } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { KnownCourses } from "./known-courses.ts";
import { migrations } from "./migrations/index.ts";
import { RegistrationStore } from "./registration-store.ts";
import { tables } from "./tables.ts";

export const { handle, on, job, assemble } = service("registrations", {
  store: sql({ tables, migrations, isolation: "read committed" }),
  config: {
    timeoutMs: t.Integer({
      default: 900_000,
      minimum: 1_000,
      description: "a registration that is not completed after this many milliseconds is cancelled",
    }),
    paymentMethod: t.String({
      default: "card_ok",
      pattern: "^[A-Za-z0-9_-]{1,64}$",
      description: "what pays for a registration that names no payment method",
    }),
  },
  scope: ({ db, caller, config }) => ({
    registrations: new RegistrationStore(db, caller),
    courses: new KnownCourses(db),
    timeoutMs: config.timeoutMs,
    paymentMethod: config.paymentMethod,
  }),
});
