import { listOrder, pageOf } from "holdfast/contract";
import { GetPayment, GetPaymentEvents, ListPayments, Payment, UnknownPayment } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getPayment = handle(GetPayment, async ({ params, payments, reply }) =>
  reply(200, await payments.require(params.paymentId)),
);

/** Also of one whose registration was not heard of yet. */
export const getPaymentEvents = handle(GetPaymentEvents, async ({ params: { paymentId }, query, streams, reply }) => {
  const page = await streams.history(paymentId, query);
  if (page.items.length === 0 && query.cursor === undefined) throw UnknownPayment({ paymentId });
  return reply(200, page);
});

const byId = listOrder("payments", Payment.properties.paymentId);

export const listPayments = handle(ListPayments, async ({ query, payments, reply }) =>
  reply(
    200,
    await pageOf(query, {
      order: byId,
      read: (after, limit) => payments.list({ registrationId: query.registrationId, after, limit }),
      position: ({ paymentId }) => paymentId,
    }),
  ),
);
