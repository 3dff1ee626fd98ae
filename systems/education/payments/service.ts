import { chargePayment, settlePayment } from "./charge-payment.ts";
import * as contracts from "./contracts.ts";
import { getPayment, getPaymentEvents, listPayments } from "./get-payment.ts";
import { askForPayment, undoRefused, undoReleased } from "./hear.ts";
import { getPaymentRebuild, rebuildPayments, rebuildStep } from "./rebuild-payments.ts";
import { hearStripe } from "./hear-stripe.ts";
import { refundPayment } from "./refund-payment.ts";
import { assemble } from "./scope.ts";

export const payments = assemble(contracts, {
  routes: {
    GetPayment: getPayment,
    GetPaymentEvents: getPaymentEvents,
    ListPayments: listPayments,
    RebuildPayments: rebuildPayments,
    GetPaymentRebuild: getPaymentRebuild,
    StripeWebhook: hearStripe,
  },
  consumers: [askForPayment, undoRefused, undoReleased],
  jobs: [chargePayment, settlePayment, refundPayment, rebuildStep],
});
