import { announce } from "./announce.ts";
import { stock } from "./collections.ts";
import { BelowReserved, PutStock } from "./contracts.ts";
import { handle } from "./scope.ts";
import { shown, weighed } from "./stock.ts";

export const putStock = handle(
  PutStock,
  stock.by(({ params }) => params.sku),
  async ({ params: { sku }, body, document, reply, ...given }) => {
    const { reserved = 0, threshold = 0, low = false, crossings = 0 } = document.value ?? {};
    if (body.quantity < reserved) throw BelowReserved({ sku, reserved, quantity: body.quantity });
    const now = weighed({ threshold, ...body, reserved, low, crossings });
    document.set(now.stock);
    announce(given, sku, now);
    return Promise.resolve(reply(200, shown(sku, now.stock)));
  },
);
