import { contracts, t } from "holdfast/contract";

const { job } = contracts("payments");
/** The key names the payment, so that whoever asks, and however often, it is one charge. */
export const chargeKey = (paymentId: string): string => `charge-${paymentId}`;

const data = t.Object({ paymentId: t.String({ format: "uuid" }) });

export const ChargePayment = job("charge-payment", { summary: "The gateway is asked for a payment's money", data });
export const SettlePayment = job("settle-payment", {
  summary: "The gateway is asked on what became of a charge that was given up",
  data,
});
export const RefundPayment = job("refund-payment", { summary: "The gateway is asked to give it back", data });
export const RebuildStep = job("rebuild-step", {
  summary: "Some payments more are checked against what happened to them",
  data: t.Object({ run: t.String() }),
});
