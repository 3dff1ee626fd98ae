import { t } from "holdfast/contract";
import { documents } from "holdfast/documents";
import { developmentDefault } from "holdfast/runtime";
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
    mailOpen: developmentDefault(
      t.Boolean({
        default: true,
        description: "whether anyone may read captured mail and short messages; otherwise operators only",
      }),
      { production: false },
    ),
  },
  resources: async (given) => ({
    mailer: await openMail(given),
    sms: openSms(given),
    mailOpen: given.config.mailOpen,
  }),
  scope: ({ docs, config }) => ({ docs, operator: config.operator }),
});
