import type { Document, Inside } from "holdfast/service";
import { announce } from "./announce.ts";
import { stock } from "./collections.ts";
import { PartReported, ReleasePart, ReservePart } from "./jobs.ts";
import { job } from "./scope.ts";
import { available, weighed, type Stock } from "./stock.ts";

interface Given extends Pick<Inside, "publish" | "enqueue"> {
  readonly document: Document<Stock>;
}

/** More or less of a product is promised. */
function promise({ document, ...given }: Given, value: Stock, change: number): void {
  const now = weighed({ ...value, reserved: value.reserved + change });
  document.set(now.stock);
  announce(given, document.id, now);
}

const bySku = stock.by(({ data }: { readonly data: { readonly sku: string } }) => data.sku);

export const reservePart = job(ReservePart, bySku, async ({ data: { quantity, ...part }, ...given }) => {
  const { value } = given.document;
  const left = value === undefined ? 0 : available(value);
  if (value !== undefined && left >= quantity) promise(given, value, quantity);
  const refused = left >= quantity ? {} : { refused: `${String(left)} of ${part.sku} are available` };
  given.enqueue(PartReported, { ...part, ...refused });
  return Promise.resolve();
});

export const releasePart = job(ReleasePart, bySku, async ({ data: { quantity, ...part }, ...given }) => {
  const { value } = given.document;
  if (value === undefined) throw new Error(`${part.sku} was reserved, and is not stocked any more.`);
  promise(given, value, -quantity);
  given.enqueue(PartReported, part);
  return Promise.resolve();
});
