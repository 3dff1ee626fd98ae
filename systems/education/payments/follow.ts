import type { Inside } from "holdfast/service";
import { RegistrationPaid, RegistrationPaymentFailed, RegistrationRefunded, RegistrationVoided } from "./contracts.ts";
import { ChargePayment, RefundPayment, SettlePayment } from "./jobs.ts";
import type { Decision } from "./payment-life.ts";
import type { PaymentStore } from "./payment-store.ts";
import type { PaymentState } from "./payment.ts";

export interface Given extends Pick<Inside, "publish" | "enqueue"> {
  readonly payments: PaymentStore;
}

/** Decides, records, and lets out what follows: the same unit for all that a payment is told. */
export async function tell(
  { payments, publish, enqueue }: Given,
  paymentId: string,
  decide: (state: PaymentState) => Decision,
): Promise<void> {
  const { next, state } = await payments.decide(paymentId, decide);
  const about = () => {
    if (state.subject === undefined) throw new Error(`Nobody knows whose the payment ${paymentId} is.`);
    return state.subject;
  };
  const paid = () => {
    if (state.ask === undefined) throw new Error(`Nobody knows what the payment ${paymentId} comes to.`);
    return { ...about(), email: state.ask.email, total: state.ask.total };
  };
  switch (next) {
    case "none":
      return;
    case "charge":
      return enqueue(ChargePayment, { paymentId });
    case "settle":
      return enqueue(SettlePayment, { paymentId });
    case "refund":
      return enqueue(RefundPayment, { paymentId });
    case "publish-paid":
      return publish(RegistrationPaid, { ...paid(), paymentId });
    case "publish-failed":
      return publish(RegistrationPaymentFailed, { ...about(), reason: state.reason ?? "" });
    case "publish-failed-and-settle":
      enqueue(SettlePayment, { paymentId });
      return publish(RegistrationPaymentFailed, { ...about(), reason: state.reason ?? "" });
    case "publish-refunded":
      return publish(RegistrationRefunded, paid());
    case "publish-voided":
      return publish(RegistrationVoided, about());
  }
}
