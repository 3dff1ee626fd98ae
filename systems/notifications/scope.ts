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
    mailShown: developmentDefault(
      t.Union([t.Literal("open"), t.Literal("masked"), t.Literal("operators")], {
        default: "open",
        description:
          "who may read captured mail: open (anyone), masked (anyone, without addresses, numbers and ids), or operators. Operators only where mail is really sent",
      }),
      { production: "operators" },
    ),
  },
  resources: async (given) => ({
    mailer: await openMail(given),
    sms: openSms(given),
    mailShown: given.config.mailShown,
  }),
  scope: ({ docs, config }) => ({ docs, operator: config.operator }),
});
