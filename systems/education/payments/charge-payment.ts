import type { ChargeOutcome, PaymentGateway } from "../../payment-gateway/port.ts";
import { patience } from "../../payment-gateway/patience.ts";
import { NoAnswer } from "./contracts.ts";
import { tell } from "./follow.ts";
import { ChargePayment, SettlePayment } from "./jobs.ts";
import { charged, declined, gaveUp } from "./payment-life.ts";
import type { Asked } from "./payment-store.ts";
import type { PaymentState } from "./payment.ts";
import { job } from "./scope.ts";

/** The key names the payment, so that whoever asks, and however often, it is one charge. */
const keyOf = (paymentId: string): string => `charge-${paymentId}`;
const effectKeys = ({ paymentId }: { readonly paymentId: string }) => [keyOf(paymentId)];

const ask = (
  { paymentId, ask: { total, paymentMethod, registrationId } }: Asked,
  gateway: PaymentGateway,
  signal: AbortSignal,
) => gateway.charge({ key: keyOf(paymentId), ...total, method: paymentMethod, reference: registrationId }, signal);
const answered = (answer: ChargeOutcome) => (state: PaymentState) =>
  answer.kind === "charged" ? charged(state, answer.chargeId) : declined(state, answer.reason);

/**
 * Asks whatever the store says by now, as what was asked for once may have been charged. Without an answer it is asked again while there is patience; then
 * the registration's payment fails, and the answer is waited for by `settlePayment`.
 */
export const chargePayment = job(ChargePayment, {
  prepare: async ({ data: { paymentId }, message, payments, gateway, patienceMs, now, signal }) => {
    // A gateway that hangs is broken off from outside: that there was no answer is known by the attempt alone.
    const waited = now().getTime() - Date.parse(message.time);
    if (message.attempt > 1 && waited >= patienceMs) throw NoAnswer({ paymentId });
    return ask(await payments.read(paymentId), gateway, signal);
  },
  run: ({ data: { paymentId }, prepared, ...given }) => tell(given, paymentId, answered(prepared)),
  exhausted: ({ data: { paymentId }, ...given }) => tell(given, paymentId, gaveUp),
  retry: patience,
  effectKeys,
});

/** Asks on, with the same key, until the answer is definite; when the gateway is about to forget the key, a person decides. */
export const settlePayment = job(SettlePayment, {
  prepare: async ({ data: { paymentId }, payments, gateway, signal }) =>
    ask(await payments.read(paymentId), gateway, signal),
  run: ({ data: { paymentId }, prepared, ...given }) => tell(given, paymentId, answered(prepared)),
  retry: patience,
  effectKeys,
});
