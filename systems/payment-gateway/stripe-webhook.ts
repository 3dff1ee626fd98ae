import { bytes, contracts, findBadText, kitProblems, noContent, t } from "holdfast/contract";
import { loadStripe } from "./stripe-sdk.ts";

/** What each service that takes payments lists among its contracts: Stripe tells it at an address of its own. */
export function stripeWebhook<const Owner extends string>(owner: Owner) {
  const { endpoint, problem } = contracts(owner);
  const WebhookRefused = problem(`${owner}/webhook-refused`, {
    status: 400,
    retryable: false,
    summary: "Stripe did not sign this",
    detail: "The signature is not Stripe's, or its time is more than five minutes away.",
    facts: t.Object({}),
  });
  const StripeWebhook = endpoint(`POST /${owner}/webhooks/stripe`, {
    summary: "Stripe tells what became of a payment",
    description:
      "Signed (https://docs.stripe.com/webhooks/signature). What concerns no payment of this service is taken, and nothing follows. Without `stripe-webhook-secret` there is nothing here.",
    access: "anyone",
    headers: t.Object({ "stripe-signature": t.String({ minLength: 1, maxLength: 2_000 }) }),
    body: bytes("application/json"),
    replies: { 204: noContent },
    problems: [WebhookRefused],
  });
  return { StripeWebhook, WebhookRefused };
}

/** A charge of which Stripe has something definite to tell; what it is, the gateway is asked. */
export interface ChargeNews {
  readonly key: string;
  readonly reference: string;
}

export interface StripeEvents {
  /** Undefined where the event tells of no charge's end. Throws what `refused` gives where it is not signed, and `kit/not-found` where there is no secret. */
  read(
    event: { readonly body: Uint8Array; readonly signature: string; readonly now: Date },
    refused: () => Error,
  ): Promise<ChargeNews | undefined>;
}

/** Of an event's signature; how far the clocks may be apart, and how late it may come. */
const toleranceSeconds = 300;
const ends = ["payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"];

export function stripeEvents({
  stripeWebhookSecret,
}: {
  readonly stripeWebhookSecret: string | undefined;
}): StripeEvents {
  const sdk = stripeWebhookSecret === undefined ? undefined : loadStripe();
  return {
    async read({ body, signature, now }, refused) {
      if (sdk === undefined || stripeWebhookSecret === undefined) throw kitProblems.notFound({});
      const { webhooks } = (await sdk).Stripe;
      let event: unknown;
      if (!isTimely(signature, now)) throw refused();
      try {
        event = webhooks.constructEvent(
          body,
          signature,
          stripeWebhookSecret,
          toleranceSeconds,
          undefined,
          now.getTime(),
        );
      } catch {
        // The SDK's error holds all that was sent.
        throw refused();
      }
      const type = at(event, "type");
      if (typeof type !== "string" || !ends.includes(type)) return undefined;
      const metadata = at(at(at(event, "data"), "object"), "metadata");
      const [key, reference] = [at(metadata, "key"), at(metadata, "reference")];
      if (typeof key !== "string" || typeof reference !== "string") return undefined;
      // What no store can hold is another application's, on the same account.
      return findBadText([key, reference]) === undefined ? { key, reference } : undefined;
    },
  };
}

/** Stripe's SDK looks for times that are too old alone, and takes `t=5abc` for 5: there is one time, in digits, and it is near. */
function isTimely(signature: string, now: Date): boolean {
  const times = signature.split(",").filter((part) => /^\s*t\s*=/.test(part));
  const [, seconds] = /^t=(\d{1,12})$/.exec(times.join()) ?? [];
  return seconds !== undefined && Math.abs(now.getTime() / 1_000 - Number(seconds)) <= toleranceSeconds;
}

/** Stripe's types say what its newest version sends; an account's events may be of another one. */
const at = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
