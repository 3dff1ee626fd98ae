import { listOrder, pageOf } from "holdfast/contract";
import type { Found, Reader } from "holdfast/documents";
import { GetReservation, GetStock, ListStock, Sku, UnknownReservation, UnknownSku } from "./contracts.ts";
import { handle } from "./scope.ts";
import { shownReservation } from "./shown-reservation.ts";
import { shown, type Stock } from "./stock.ts";

export const getStock = handle(GetStock, async ({ params: { sku }, docs, reply }) => {
  const found = await docs.stock.find(sku);
  if (found === undefined) throw UnknownSku({ sku });
  return reply(200, shown(sku, found));
});

const bySku = listOrder("stock", Sku);

export const listStock = handle(ListStock, async ({ query, docs, reply }) => {
  const page = await pageOf(query, {
    order: bySku,
    read: (after, limit) =>
      query.sku === undefined
        ? docs.stock.list({ limit, ...(after === undefined ? {} : { after: [after] }) })
        : among(docs.stock, query.sku, { after, limit }),
    position: ({ id }) => id,
  });
  return reply(200, { ...page, items: page.items.map(({ id, value }) => shown(id, value)) });
});

/** Of these products, in the order of the list, those that are stocked. */
async function among(
  stock: Reader<Stock>,
  skus: readonly string[],
  { after = "", limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly Found<Stock>[]> {
  const asked = [...new Set(skus)].filter((sku) => sku > after).toSorted((a, b) => (a < b ? -1 : 1));
  const found = await Promise.all(asked.map(async (id) => ({ id, value: await stock.find(id) })));
  return found.flatMap(({ id, value }) => (value === undefined ? [] : [{ id, value }])).slice(0, limit);
}

export const getReservation = handle(GetReservation, async ({ params: { orderId }, docs, reply }) => {
  const found = await docs.reservations.find(orderId);
  if (found === undefined) throw UnknownReservation({ orderId });
  return reply(200, shownReservation(orderId, found));
});
