import type { Document, Inside } from "holdfast/service";
import { OrderCreated, OrderRejected } from "../orders/contracts.ts";
import { OpenReservation, OtherLines, StockRejected, StockReserved } from "./contracts.ts";
import { reservations } from "./collections.ts";
import { ExpireReservation, PartReported, ReleasePart, ReservePart } from "./jobs.ts";
import { expire, merged, release, reported, reserve, sameLines, type Reservation, type Step } from "./reservation.ts";
import { handle, job, on } from "./scope.ts";
import { shownReservation } from "./shown-reservation.ts";

interface Given extends Pick<Inside, "publish" | "enqueue"> {
  readonly document: Document<Reservation>;
}

/** The reservation as it is now, its parts on their way, its order told. */
function take({ document, publish, enqueue }: Given, { reservation, parts, says }: Step): void {
  const orderId = document.id;
  document.set(reservation);
  for (const { kind, ...part } of parts) enqueue(kind === "reserve" ? ReservePart : ReleasePart, { orderId, ...part });
  if (says === "reserved") publish(StockReserved, { orderId });
  if (says === "rejected") publish(StockRejected, { orderId, reason: reservation.reason ?? "" });
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
  async ({ params: { orderId }, body, expiryMs, now, reply, ...given }) => {
    const lines = merged(body.lines);
    const { value } = given.document;
    const goesOn = value !== undefined && ["reserving", "reserved"].includes(value.state);
    if (goesOn && !sameLines(value.lines, lines)) throw OtherLines({ orderId });
    const expiresAt = now().getTime() + expiryMs;
    const step = reserve(value, { lines, owned: false, expiresAt });
    if (!goesOn) take(given, step);
    if (step.parts.length > 0)
      given.enqueue(ExpireReservation, { orderId, phase: step.reservation.phase }, { afterMs: expiryMs });
    return Promise.resolve(reply(200, shownReservation(orderId, step.reservation)));
  },
);
