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
    mailShown: t.Union([t.Literal("open"), t.Literal("masked"), t.Literal("operators")], {
      default: "open",
      description:
        "who is shown what is captured: open, to anyone; masked, to anyone without addresses, numbers and ids; operators, to them alone. Never more than operators where mail really leaves",
    }),
  },
  resources: async (given) => ({
    mailer: await openMail(given),
    sms: openSms(given),
    mailShown: given.config.mailShown,
  }),
  scope: ({ docs, config }) => ({ docs, operator: config.operator }),
});
