import { clockSkewMs, type Clock } from "holdfast/runtime";
import type { Stripe } from "stripe";
import { stripeMoney } from "./stripe-amounts.ts";
import { declineOf, portError, reasonOf, wantsCustomer } from "./stripe-answers.ts";
import { loadStripe } from "./stripe-sdk.ts";
import {
  checkCharge,
  checkRefund,
  GatewayRefused,
  GatewayUnavailable,
  keyRetentionMs,
  type ChargeOutcome,
  type PaymentGateway,
} from "./port.ts";

export interface StripeOptions {
  /** A secret key, or a restricted one that may write payment intents and refunds. */
  readonly key: string;
  /** @default "https://api.stripe.com" */
  readonly url?: string | undefined;
  readonly clock: Pick<Clock, "now">;
}

/** What Stripe waits for a bank is told within a few seconds; asking again under the same key costs nothing. */
const timeoutMs = 20_000;
/** So much before its time is over a key is not relied on. */
const marginMs = 60 * 60_000;

/**
 * Stripe: a charge is a payment intent that is confirmed at once, with nobody there to act on it (https://docs.stripe.com/api/payment_intents/create), and
 * `chargeId` is the intent's id. A method that belongs to one of Stripe's Customers is declined, as the port names none.
 */
export function stripeGateway({ key, url = "https://api.stripe.com", clock }: StripeOptions): PaymentGateway {
  const sdk = loadStripe();
  const { protocol, hostname, port } = new URL(url);
  /** Made for each request, in about 60 µs: the SDK takes a signal in no other way. Its own retries are off, the one of a closed connection included. */
  const clientOf = async (signal: AbortSignal): Promise<Stripe> => {
    const { Stripe: Client } = await sdk;
    return new Client(key, {
      host: hostname,
      protocol: protocol === "http:" ? "http" : "https",
      port: port === "" ? (protocol === "http:" ? 80 : 443) : port,
      timeout: timeoutMs,
      maxNetworkRetries: 0,
      telemetry: false,
      httpClient: Client.createFetchHttpClient((input, init) =>
        fetch(input, {
          ...init,
          redirect: "error",
          signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal,
        }),
      ),
    });
  };
  const ask = async <T>(signal: AbortSignal, work: (stripe: Stripe) => Promise<T>): Promise<T> => {
    if (signal.aborted) throw new GatewayUnavailable("it was not waited for.");
    const stripe = await clientOf(signal);
    try {
      return await work(stripe);
    } catch (error) {
      throw portError(error, stripe.errors);
    }
  };

  return {
    async charge(request, signal) {
      const { key: idempotencyKey, amount, currency, method, reference, since } = checkCharge(request);
      checkHeader(idempotencyKey);
      const money = stripeMoney({ amount, currency });
      if ("refused" in money) return { kind: "declined", reason: money.refused };
      const params = {
        ...money,
        payment_method: method,
        confirm: true,
        off_session: true,
        // One that would send the customer elsewhere is not taken at all.
        automatic_payment_methods: { enabled: true, allow_redirects: "never" as const },
        description: reference,
        metadata: { key: idempotencyKey, reference },
      };
      const age = since === undefined ? 0 : clock.now() - since;
      // What lies ahead was written by a clock that was ahead: how old it is, nobody knows.
      const forgotten = age >= keyRetentionMs - marginMs || age < -clockSkewMs;
      return ask(signal, async (stripe) => {
        let first = forgotten ? await intentOf(stripe, idempotencyKey) : undefined;
        if (first !== undefined) {
          if (first.amount !== params.amount || first.currency !== params.currency)
            throw new GatewayRefused(`the key ${idempotencyKey} was used for another charge.`);
          return settle(stripe, first);
        }
        try {
          first = await stripe.paymentIntents.create(params, { idempotencyKey });
        } catch (error) {
          const reason = declineOf(error, stripe.errors);
          if (reason === undefined) throw error;
          return { kind: "declined", reason };
        }
        return settle(stripe, first);
      });
    },
    async refund(request, signal) {
      const { key: idempotencyKey, chargeId, ...given } = checkRefund(request);
      checkHeader(idempotencyKey);
      const money = stripeMoney(given);
      if ("refused" in money) throw new GatewayRefused(money.refused);
      const { amount, currency } = money;
      return ask(signal, async (stripe) => {
        const [intent, known] = await Promise.all([
          stripe.paymentIntents.retrieve(chargeId),
          refundOf(stripe, chargeId, idempotencyKey),
        ]);
        if (intent.currency !== currency) throw new GatewayRefused(`${chargeId} was not charged in ${given.currency}.`);
        if (known !== undefined && known.amount !== amount)
          throw new GatewayRefused(`the key ${idempotencyKey} was used for another refund.`);
        const refund =
          known ??
          (await stripe.refunds.create(
            { payment_intent: chargeId, amount, metadata: { key: idempotencyKey } },
            { idempotencyKey },
          ));
        if (refund.status === "failed" || refund.status === "canceled")
          throw new GatewayRefused(
            `the refund ${refund.id} is ${refund.status} (${refund.failure_reason ?? "no reason given"}).`,
          );
        return { refundId: refund.id };
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * The intent that was made under a key which Stripe may have forgotten. One that was made within the last minutes may not be found, but its key is known yet.
 * https://docs.stripe.com/search
 */
async function intentOf(stripe: Stripe, key: string): Promise<Stripe.PaymentIntent | undefined> {
  const query = `metadata["key"]:"${key.replaceAll(/["\\]/g, "\\$&")}"`;
  const { data } = await stripe.paymentIntents.search({ query, limit: 2 });
  if (data.length > 1) throw new GatewayRefused(`there are several payments with the key ${key}.`);
  return data[0];
}

/** What the key has given back already: Stripe forgets its keys after a day, its refunds never. */
async function refundOf(stripe: Stripe, intent: string, key: string): Promise<Stripe.Refund | undefined> {
  for await (const refund of stripe.refunds.list({ payment_intent: intent, limit: 100 }))
    if (refund.metadata?.["key"] === key) return refund;
  return undefined;
}

/** Under its key Stripe repeats the answer that it gave first: what was not definite then is looked up. */
async function settle(stripe: Stripe, first: Stripe.PaymentIntent): Promise<ChargeOutcome> {
  const intent = isOver(first) ? first : await stripe.paymentIntents.retrieve(first.id);
  return outcomeOf(isOver(intent) || intent.status === "processing" ? intent : await giveUp(stripe, intent.id));
}

const isOver = ({ status }: Stripe.PaymentIntent): boolean => status === "succeeded" || status === "canceled";

/** Nobody is there to act on it, and it may not be charged later behind our back. One that went through, or was given up, meanwhile cannot be canceled. */
async function giveUp(stripe: Stripe, id: string): Promise<Stripe.PaymentIntent> {
  try {
    return await stripe.paymentIntents.cancel(id, { cancellation_reason: "abandoned" });
  } catch (error) {
    const intent = await stripe.paymentIntents.retrieve(id);
    if (isOver(intent) || intent.status === "processing") return intent;
    throw error;
  }
}

function outcomeOf(intent: Stripe.PaymentIntent): ChargeOutcome {
  if (intent.status === "succeeded") return { kind: "charged", chargeId: intent.id };
  if (intent.status !== "canceled") throw new GatewayUnavailable(`${intent.id} is ${intent.status}.`);
  if (intent.last_payment_error !== null) return { kind: "declined", reason: reasonOf(intent.last_payment_error) };
  const reason = intent.cancellation_reason === "abandoned" ? wantsCustomer : "the payment was canceled";
  return { kind: "declined", reason };
}

function checkHeader(key: string): void {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new GatewayRefused("/key must fit into a header: visible ASCII, without blanks.");
}
