import type { Runtime } from "../runtime/index.ts";

/** Milliseconds between two beginnings. */
const everyMs = 5;

/**
 * What works in batches, each with a sync of its own, begins them this far apart: under load they grow, and an order costs a part of a sync. After
 * a rest the first one begins at once. Resolves when the next may begin, or when the signal aborts.
 */
export function makePace({ clock, timers }: Pick<Runtime, "clock" | "timers">): (signal: AbortSignal) => Promise<void> {
  let next = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const wait = next - clock.monotonic();
    if (wait > 0) await timers.sleep(wait, signal);
    next = clock.monotonic() + everyMs;
  };
}
