import { createTransport } from "nodemailer";
import { checkMail, DeliveryRefused, type Mailer } from "./port.ts";

export interface SmtpOptions {
  /** `smtp://host:port` or `smtps://user:password@host`; the password is never logged. */
  readonly url: string;
  readonly from: string;
}

const timeoutMs = 8_000;

/** Sends by SMTP (RFC 5321). There is no key that a server knows: after a crash between its 250 and our commit a mail goes out again, with the same Message-ID. */
export function smtpMail({ url, from }: SmtpOptions): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 4,
    // Whoever asked decides on another try; by itself a pool repeats without an end what it may have sent.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail, signal) {
      checkMail(mail);
      signal.throwIfAborted();
      const { messageId, to, subject, text } = mail;
      try {
        await transport.sendMail({ from, to: { name: "", address: to }, subject, text, messageId, signal });
      } catch (error) {
        if (isPermanent(error)) throw new DeliveryRefused("The mail server refused it for good.", { cause: error });
        throw error;
      }
    },
    captured: undefined,
    [Symbol.asyncDispose]() {
      transport.close();
      return Promise.resolve();
    },
  };
}

/** "Log in first", and its like (RFC 4954, section 6). */
const ofLogins: readonly number[] = [530, 534, 535, 538];

/** 5xx (RFC 5321, section 4.2.1). What is said to a login, or of the sender, who is a setting, is not this mail's fault. */
const isPermanent = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "EENVELOPE" || error.code === "EMESSAGE") &&
  "responseCode" in error &&
  typeof error.responseCode === "number" &&
  error.responseCode >= 500 &&
  !ofLogins.includes(error.responseCode) &&
  !("command" in error && error.command === "MAIL FROM");
