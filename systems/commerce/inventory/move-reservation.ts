import type { Document, Inside } from "holdfast/service";
import { OrderCreated, OrderRejected } from "../orders/contracts.ts";
import {
  Abandoned,
  AbandonReservation,
  OpenReservation,
  OtherLines,
  StockRejected,
  StockReserved,
} from "./contracts.ts";
import { reservations } from "./collections.ts";
import { ExpireReservation, PartReported, ReleasePart, ReservePart } from "./jobs.ts";
import {
  abandon,
  expire,
  isAbandoned,
  merged,
  release,
  reported,
  reserve,
  sameLines,
  type Reservation,
  type Step,
} from "./reservation.ts";
import { handle, job, on } from "./scope.ts";
import { shownReservation } from "./shown-reservation.ts";

interface Given extends Pick<Inside, "publish" | "enqueue" | "now"> {
  readonly document: Document<Reservation>;
  readonly expiryMs: number;
}

/** The reservation as it is now, its parts on their way, its order told. What no order stands behind expires. */
function take({ document, publish, enqueue, now, expiryMs }: Given, { reservation, parts, says }: Step): void {
  const orderId = document.id;
  const { owned, phase, reason = "" } = reservation;
  const mayExpire = !owned && parts.some(({ kind }) => kind === "reserve");
  document.set(mayExpire ? { ...reservation, expiresAt: now().getTime() + expiryMs } : reservation);
  if (mayExpire) enqueue(ExpireReservation, { orderId, phase }, { afterMs: expiryMs });
  for (const { kind, ...part } of parts) enqueue(kind === "reserve" ? ReservePart : ReleasePart, { orderId, ...part });
  if (says === "reserved") publish(StockReserved, { orderId });
  if (says === "rejected") publish(StockRejected, { orderId, reason });
}

const byOrder = reservations.by(({ data }: { readonly data: { readonly orderId: string } }) => data.orderId);

export const reserveForOrder = on(OrderCreated, byOrder, async ({ data, ...given }) => {
  const lines = data.lines.map(({ sku, quantity }) => ({ sku, quantity }));
  take(given, reserve(given.document.value, { lines, owned: true }));
  return Promise.resolve();
});

export const releaseOfRejected = on(OrderRejected, byOrder, async ({ document, ...given }) => {
  take({ document, ...given }, release(document.value));
  return Promise.resolve();
});

export const partReported = job(PartReported, byOrder, async ({ data, ...given }) => {
  const { value } = given.document;
  if (value === undefined) throw new Error(`A part reported for the order ${data.orderId}, of which nothing is known.`);
  take(given, reported(value, data));
  return Promise.resolve();
});

export const expireReservation = job(ExpireReservation, byOrder, async ({ data, ...given }) => {
  const step = expire(given.document.value, data.phase);
  if (step !== undefined) take(given, step);
  return Promise.resolve();
});

/** Somebody is about to place an order. Asked for again, it is as it is. */
export const openReservation = handle(
  OpenReservation,
  reservations.by(({ params }) => params.orderId),
  async ({ params: { orderId }, body, reply, ...given }) => {
    const { attempt } = body;
    const lines = merged(body.lines);
    const { value } = given.document;
    if (isAbandoned(value, attempt)) throw Abandoned({ orderId });
    const goesOn = value !== undefined && ["reserving", "reserved"].includes(value.state) && !value.noted.expire;
    if (goesOn && !sameLines(value.lines, lines)) throw OtherLines({ orderId });
    const step = reserve(value, { lines, owned: false, ...(attempt === undefined ? {} : { attempt }) });
    // What goes on is written only where another attempt has taken it over.
    if (!goesOn || step.reservation.attempt !== value.attempt) take(given, step);
    return Promise.resolve(reply(200, shownReservation(orderId, given.document.value ?? step.reservation)));
  },
);

/** The attempt to place the order has failed. Asked for again, nothing follows. */
export const abandonReservation = handle(
  AbandonReservation,
  reservations.by(({ params }) => params.orderId),
  async ({ query: { attempt }, reply, ...given }) => {
    const { value } = given.document;
    if (!isAbandoned(value, attempt)) take(given, abandon(value, attempt));
    return Promise.resolve(reply(204));
  },
);
