import { t } from "holdfast/contract";
import { documents } from "holdfast/documents";
import { service } from "holdfast/service";
import { notifications, preferences, shelves } from "./collections.ts";
import { mailSettings, openMail, openSms } from "./mail/index.ts";

export const { handle, on, job, assemble } = service("notifications", {
  store: documents({ collections: { notifications, preferences, shelves } }),
  config: {
    ...mailSettings,
    operator: t.String({
      default: "operator@example.com",
      format: "email",
      description: "who is told of low stock",
    }),
    mailOpen: t.Boolean({
      default: true,
      description: "whether what is captured is shown to anyone; it never is where mail really leaves",
    }),
  },
  resources: async (given) => ({
    mailer: await openMail(given),
    sms: openSms(given),
    mailOpen: given.config.mailOpen,
  }),
  scope: ({ docs, config }) => ({ docs, operator: config.operator }),
});
