import { StripeWebhook, WebhookRefused } from "./contracts.ts";
import { chargeKey, SettlePayment } from "./jobs.ts";
import { isOpen } from "./payment-life.ts";
import { paymentIdOf } from "./payment-store.ts";
import { handle } from "./scope.ts";

/** Only the time of asking is taken from Stripe: the job asks the gateway itself, now instead of when its next attempt is due. */
export const hearStripe = handle(StripeWebhook, {
  prepare: ({ body, headers, events, now }) =>
    events.read({ body, signature: headers["stripe-signature"], now: now() }, () => WebhookRefused({})),
  run: async ({ prepared, streams, enqueue, reply }) => {
    if (prepared === undefined) return reply(204);
    const paymentId = paymentIdOf(prepared.reference);
    const { state } = await streams.load(paymentId);
    if (prepared.key === chargeKey(paymentId) && isOpen(state)) enqueue(SettlePayment, { paymentId });
    return reply(204);
  },
});
