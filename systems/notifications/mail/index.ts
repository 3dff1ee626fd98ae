import path from "node:path";
import { t } from "holdfast/contract";
import { developmentDefault, secret, type Runtime } from "holdfast/runtime";
import { capturedMail } from "./captured.ts";
import type { Mailer } from "./port.ts";
import { capturedSms, httpSms, type SmsSender } from "./sms.ts";

export const mailSettings = {
  mail: developmentDefault(
    secret(
      t.String({
        default: "captured",
        pattern: "^(captured|smtps?://.+)$",
        description: "captured (kept in a file, not sent), or a mail server: smtp://user:password@host:port",
      }),
    ),
  ),
  sms: developmentDefault(
    secret(
      t.String({
        default: "captured",
        pattern: "^(captured|off|https?://.+)$",
        description:
          "captured (kept in a file, not sent), off (mail instead), or an SMS provider: https://user:password@host/path",
      }),
    ),
    { production: "off" },
  ),
  mailFrom: t.String({ default: "Holdfast <shop@example.com>", description: "who mail comes from" }),
};

/** The mailer that the settings name; captured mail is kept in the folder of the process. */
export async function openMail({
  config,
  data,
  runtime,
}: {
  readonly config: { readonly mail: string; readonly mailFrom: string };
  readonly data: string;
  readonly runtime: Runtime;
}): Promise<Mailer> {
  return config.mail === "captured"
    ? capturedMail({ file: mailFile(data), runtime })
    : (await import("./smtp.ts")).smtpMail({ url: config.mail, from: config.mailFrom });
}

/** The sender of short messages that the settings name; undefined where they are off. Captured ones are kept beside captured mail. */
export function openSms({
  config,
  data,
  runtime,
}: {
  readonly config: { readonly sms: string };
  readonly data: string;
  readonly runtime: Runtime;
}): SmsSender | undefined {
  if (config.sms === "off") return undefined;
  return config.sms === "captured" ? capturedSms({ file: mailFile(data), runtime }) : httpSms({ url: config.sms });
}

export const mailFile = (data: string): string => path.join(data, "mail.db");
