import type { Inside } from "holdfast/service";
import { LowStock, StockUpdated } from "./contracts.ts";
import { TellOperator } from "./jobs.ts";
import { available, type Stock } from "./stock.ts";

/** Everybody who keeps an eye on a product is told how it stands now; that it runs low, once for each crossing. */
export function announce(
  { publish, enqueue }: Pick<Inside, "publish" | "enqueue">,
  sku: string,
  { stock, crossed }: { readonly stock: Stock; readonly crossed: boolean },
): void {
  const { name, price, quantity, threshold, crossings } = stock;
  publish(StockUpdated, { sku, name, price, quantity, available: available(stock) });
  if (!crossed) return;
  const low = { sku, name, available: available(stock), threshold, crossing: crossings };
  publish(LowStock, low);
  enqueue(TellOperator, low);
}
