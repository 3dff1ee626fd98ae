import type { Reservation as Shown } from "./contracts.ts";
import type { Reservation } from "./reservation.ts";

export const shownReservation = (orderId: string, { state, lines, reason, expiresAt, owned }: Reservation): Shown => ({
  orderId,
  state,
  lines,
  ...(reason === undefined ? {} : { reason }),
  ...(expiresAt === undefined || owned ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
});
