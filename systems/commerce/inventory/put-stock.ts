import { BelowReserved, LowStock, PutStock, StockUpdated } from "./contracts.ts";
import { stock } from "./collections.ts";
import { handle } from "./scope.ts";
import { available, shown, weighed } from "./stock.ts";

export const putStock = handle(
  PutStock,
  stock.by(({ params }) => params.sku),
  async ({ params: { sku }, body, document, publish, reply }) => {
    const { reserved = 0, threshold = 0, low = false } = document.value ?? {};
    if (body.quantity < reserved) throw BelowReserved({ sku, reserved, quantity: body.quantity });
    const { stock: now, crossed } = weighed({ threshold, ...body, reserved, low });
    document.set(now);
    const { name, price, quantity } = now;
    publish(StockUpdated, { sku, name, price, quantity, available: available(now) });
    if (crossed) publish(LowStock, { sku, name, available: available(now), threshold: now.threshold });
    return Promise.resolve(reply(200, shown(sku, now)));
  },
);
