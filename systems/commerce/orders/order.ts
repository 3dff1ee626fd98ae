import { largestAmount, sumOf, written, type Money } from "../../money.ts";
import type { Line } from "../inventory/contracts.ts";
import { MixedCurrencies, RepeatedSku, TotalTooLarge, type Order } from "./contracts.ts";

/** Throws `orders/repeated-sku` where two lines name one SKU. */
export function checkLines(lines: readonly Line[]): void {
  const seen = new Set<string>();
  for (const { sku } of lines) {
    if (seen.has(sku)) throw RepeatedSku({ sku });
    seen.add(sku);
  }
}

/** Lines with their prices, and their sum; throws `orders/mixed-currencies`, `orders/total-too-large`. */
export function priced(
  lines: readonly Line[],
  prices: ReadonlyMap<string, Money>,
): { readonly lines: Order["lines"]; readonly total: Money } {
  const out = lines.flatMap(({ sku, quantity }) => {
    const price = prices.get(sku);
    return price === undefined ? [] : [{ sku, quantity, price }];
  });
  const currencies = new Set(out.map(({ price }) => price.currency));
  const [currency = "", ...others] = currencies;
  if (others.length > 0) throw MixedCurrencies({ currencies: [...currencies].join(", ") });
  const amount = sumOf(out.map(({ price, quantity }) => ({ amount: price.amount, quantity })));
  if (amount === undefined) throw TotalTooLarge({ largest: written({ amount: largestAmount, currency }) });
  return { lines: out, total: { amount, currency } };
}
