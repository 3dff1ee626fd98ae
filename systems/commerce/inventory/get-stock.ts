import { listOrder, pageOf } from "holdfast/contract";
import { GetReservation, GetStock, ListStock, Sku, UnknownReservation, UnknownSku } from "./contracts.ts";
import { handle } from "./scope.ts";
import { shownReservation } from "./shown-reservation.ts";
import { shown } from "./stock.ts";

export const getStock = handle(GetStock, async ({ params: { sku }, docs, reply }) => {
  const found = await docs.stock.find(sku);
  if (found === undefined) throw UnknownSku({ sku });
  return reply(200, shown(sku, found));
});

const bySku = listOrder("stock", Sku);

export const listStock = handle(ListStock, async ({ query, docs, reply }) => {
  const page = await pageOf(query, {
    order: bySku,
    read: (after, limit) => docs.stock.list({ limit, ...(after === undefined ? {} : { after: [after] }) }),
    position: ({ id }) => id,
  });
  return reply(200, { ...page, items: page.items.map(({ id, value }) => shown(id, value)) });
});

export const getReservation = handle(GetReservation, async ({ params: { orderId }, docs, reply }) => {
  const found = await docs.reservations.find(orderId);
  if (found === undefined) throw UnknownReservation({ orderId });
  return reply(200, shownReservation(orderId, found));
});
