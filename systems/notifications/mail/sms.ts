import { insertDelivery, openCaptureFile, type CaptureOptions } from "./capture-file.ts";
import { DeliveryRefused } from "./port.ts";

export interface Sms {
  /** The same in every repetition, as a mail's Message-ID is. */
  readonly id: string;
  /** E.164: a plus, the country, the number; at most 15 digits. */
  readonly to: string;
  readonly text: string;
}

/** Hands a short message over, under the rules of a `Mailer`. */
export interface SmsSender extends AsyncDisposable {
  send(sms: Sms, signal: AbortSignal): Promise<void>;
}

/** E.164 */
export const numberPattern = "^\\+[1-9][0-9]{1,14}$";
/** Ten messages in one, in an alphabet that is not the telephone's (3GPP TS 23.040, section 9.2.3.24.1). */
const maxLength = 10 * 67;

/** Throws `DeliveryRefused` for what no telephone takes. */
function checkSms({ to, text }: Sms): void {
  if (!new RegExp(numberPattern).test(to)) throw new DeliveryRefused("The number of the short message is not one.");
  if (text.length === 0 || text.length > maxLength)
    throw new DeliveryRefused(`The text of the short message is empty, or longer than ${String(maxLength)}.`);
}

/** Keeps short messages in place of sending them, beside captured mail. Every delivery is kept, repeated ones too. */
export function capturedSms(options: CaptureOptions): SmsSender {
  const file = openCaptureFile(options);
  const insert = file.db.prepare(insertDelivery);
  return {
    async send(sms, signal) {
      checkSms(sms);
      const at = Math.floor(options.runtime.clock.now());
      await file.write(() => insert.run(sms.id, sms.to, "", sms.text, at), signal);
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}

const timeoutMs = 8_000;
/** Of the 4xx these speak of the message itself (RFC 9110, section 15.5); the others of who asks, or when. */
const ofTheMessage: readonly number[] = [400, 404, 410, 413, 422];

/**
 * Posts `{ to, text }` as JSON to an address, which a provider has or a small bridge to one; its `Idempotency-Key` (IETF draft) is the message's id, so that
 * one who knows keys sends it once. A user and a password in the address go as basic authentication; neither is ever logged.
 */
export function httpSms({ url }: { readonly url: string }): SmsSender {
  const address = new URL(url);
  const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  const authorization =
    credentials === ":" ? {} : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
  address.username = address.password = "";
  return {
    async send(sms, signal) {
      checkSms(sms);
      const { id, to, text } = sms;
      const reply = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": id, ...authorization },
        body: JSON.stringify({ to, text }),
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await reply.body?.cancel();
      const { status } = reply;
      if (ofTheMessage.includes(status))
        throw new DeliveryRefused(`The provider of short messages answered ${String(status)}.`);
      if (!reply.ok) throw new Error(`The provider of short messages answered ${String(status)}.`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
