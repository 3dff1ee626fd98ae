import { StripeWebhook, WebhookRefused } from "./contracts.ts";
import { isSettled } from "./invoice-life.ts";
import { chargeKey, ChargeInvoice } from "./jobs.ts";
import { handle } from "./scope.ts";

/** Only the time of asking is taken from Stripe: the job asks the gateway itself, now instead of when its next attempt is due. */
export const hearStripe = handle(StripeWebhook, {
  prepare: ({ body, headers, events, now }) =>
    events.read({ body, signature: headers["stripe-signature"], now: now() }, () => WebhookRefused({})),
  run: async ({ prepared, invoices, enqueue, reply }) => {
    const invoice = prepared === undefined ? undefined : await invoices.ofEverybody().find(prepared.reference);
    if (invoice !== undefined && prepared?.key === chargeKey(invoice.invoiceId) && !isSettled(invoice.state))
      enqueue(ChargeInvoice, { orderId: invoice.orderId, invoiceId: invoice.invoiceId });
    return reply(204);
  },
});
