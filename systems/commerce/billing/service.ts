import { chargeInvoice } from "./charge-invoice.ts";
import * as contracts from "./contracts.ts";
import { getInvoice } from "./get-invoice.ts";
import { hearStripe } from "./hear-stripe.ts";
import { billCreatedOrder, billOrder } from "./open-invoice.ts";
import { refundInvoice } from "./refund-invoice.ts";
import { assemble } from "./scope.ts";
import { tellCustomer } from "./tell-customer.ts";
import { voidInvoice } from "./void-invoice.ts";

export const billing = assemble(contracts, {
  routes: { BillOrder: billOrder, GetInvoice: getInvoice, StripeWebhook: hearStripe },
  consumers: [billCreatedOrder, voidInvoice],
  jobs: [chargeInvoice, refundInvoice, tellCustomer],
});
