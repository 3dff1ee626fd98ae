import { t, type Value } from "holdfast/contract";
import type { StockItem } from "./contracts.ts";
import { StockItem as Shown } from "./contracts.ts";

/** A product on the shelf. */
export const Stock = t.Object({
  name: t.String(),
  price: Shown.properties.price,
  quantity: t.Integer({ minimum: 0 }),
  reserved: t.Integer({ minimum: 0 }),
  threshold: t.Integer({ minimum: 0 }),
  /** Whether less than the threshold is available: crossing it is announced, being below it is not. */
  low: t.Boolean(),
  crossings: t.Integer(),
});
export interface Stock extends Value<typeof Stock> {}

export const available = ({ quantity, reserved }: Stock): number => quantity - reserved;

/** The stock with its mark set anew; `crossed` when it has just fallen below its threshold. */
export function weighed(stock: Stock): { readonly stock: Stock; readonly crossed: boolean } {
  const low = available(stock) < stock.threshold;
  const crossed = low && !stock.low;
  return { stock: { ...stock, low, crossings: stock.crossings + Number(crossed) }, crossed };
}

export const shown = (sku: string, { low: _low, crossings: _crossings, ...stock }: Stock): StockItem => ({
  sku,
  ...stock,
  available: stock.quantity - stock.reserved,
});
