import { patience } from "../../payment-gateway/patience.ts";
import { tell } from "./follow.ts";
import { RefundPayment } from "./jobs.ts";
import { givenBack } from "./payment-life.ts";
import { job } from "./scope.ts";

const keyOf = (paymentId: string): string => `refund-${paymentId}`;

export const refundPayment = job(RefundPayment, {
  prepare: async ({ data: { paymentId }, payments, gateway, signal }) => {
    const { ask, state } = await payments.read(paymentId);
    if (state.chargeId === undefined) throw new Error(`The payment ${paymentId} was never charged.`);
    return gateway.refund({ key: keyOf(paymentId), chargeId: state.chargeId, ...ask.total }, signal);
  },
  run: ({ data: { paymentId }, prepared, ...given }) =>
    tell(given, paymentId, (state) => givenBack(state, prepared.refundId)),
  retry: patience,
  effectKeys: ({ paymentId }) => [keyOf(paymentId)],
});
