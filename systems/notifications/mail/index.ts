import path from "node:path";
import { t } from "holdfast/contract";
import { secret, type Runtime } from "holdfast/runtime";
import { capturedMail } from "./captured.ts";
import type { Mailer } from "./port.ts";

export const mailSettings = {
  mail: secret(
    t.String({
      default: "captured",
      pattern: "^(captured|smtps?://.+)$",
      description: "captured, or the address of a mail server: smtp://user:password@host:port",
    }),
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

export const mailFile = (data: string): string => path.join(data, "mail.db");
