import type { ChargeOutcome, PaymentGateway } from "../../payment-gateway/port.ts";
import { patience } from "../../payment-gateway/patience.ts";
import { NoAnswer } from "./contracts.ts";
import { tell } from "./follow.ts";
import { chargeKey, ChargePayment, SettlePayment } from "./jobs.ts";
import { charged, declined, gaveUp, isOpen, nothing } from "./payment-life.ts";
import type { Asked } from "./payment-store.ts";
import type { PaymentState } from "./payment.ts";
import { job } from "./scope.ts";

const effectKeys = ({ paymentId }: { readonly paymentId: string }) => [chargeKey(paymentId)];

/** Undefined where the answer is known already. */
async function ask(
  { paymentId, ask: { total, paymentMethod, registrationId }, state }: Asked,
  gateway: PaymentGateway,
  signal: AbortSignal,
): Promise<ChargeOutcome | undefined> {
  if (!isOpen(state)) return undefined;
  const charge = { key: chargeKey(paymentId), ...total, method: paymentMethod, reference: registrationId };
  return gateway.charge({ ...charge, ...(state.createdAt === undefined ? {} : { since: state.createdAt }) }, signal);
}
const answered = (answer: ChargeOutcome | undefined) => (state: PaymentState) =>
  answer === undefined
    ? nothing
    : answer.kind === "charged"
      ? charged(state, answer.chargeId)
      : declined(state, answer.reason);

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
