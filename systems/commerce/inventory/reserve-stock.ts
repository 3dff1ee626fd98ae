import { OpenReservation, OutOfStock, ReserveStock } from "./contracts.ts";
import { handle } from "./scope.ts";
import { shownReservation } from "./shown-reservation.ts";

const askAgain = { firstMs: 10, mostMs: 160 };

/** Opens the reservation, then waits for its outcome outside of any unit. */
export const reserveStock = handle(ReserveStock, {
  prepare: async ({ body: { orderId, ...wish }, docs, call, sleep, waitMs, now, signal }) => {
    const { body: opened } = await call(OpenReservation, { params: { orderId }, body: wish });
    const until = now().getTime() + waitMs;
    for (let pauseMs = askAgain.firstMs; ; pauseMs = Math.min(pauseMs * 1.5, askAgain.mostMs)) {
      const known = await docs.reservations.find(orderId);
      const shown = known === undefined ? opened : shownReservation(orderId, known);
      const goesOn = shown.state === "reserving" || shown.state === "releasing";
      if (!goesOn || now().getTime() >= until || signal.aborted) return shown;
      await sleep(pauseMs, signal);
    }
  },
  run: async ({ prepared, reply }) => {
    const { orderId, state, reason } = prepared;
    if (state === "reserved") return Promise.resolve(reply(201, prepared));
    if (state === "reserving" || state === "releasing") return Promise.resolve(reply(202, prepared));
    throw OutOfStock({ orderId, reason: reason ?? `The reservation is ${state}.` });
  },
});
