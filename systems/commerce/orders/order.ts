import { RepeatedSku, type Order } from "./contracts.ts";

export type Line = Order["lines"][number];

/** Throws `orders/repeated-sku` where two lines name one SKU. */
export function checkLines(lines: readonly Line[]): void {
  const seen = new Set<string>();
  for (const { sku } of lines) {
    if (seen.has(sku)) throw RepeatedSku({ sku });
    seen.add(sku);
  }
}
