import { clockSkewMs } from "../runtime/index.ts";
import type { Waiting } from "./store.ts";

/** Header of a job that was enqueued with `afterMs`: the milliseconds. */
export const delayHeader = "holdfast-after-ms";

/**
 * When a row is due whose time was written by a clock that was ahead; undefined where its time may be right. A failed message never waits longer than its
 * policy allows. A job with `afterMs` waits that long from now on, once the clock is believed; one for a certain time keeps it.
 * @param longestWaitMs by the retry policy of its subscription
 */
export function retimed(
  { timer, nextAt, time, headers }: Waiting,
  { now, steady, longestWaitMs }: { readonly now: number; readonly steady: boolean; readonly longestWaitMs: number },
): number | undefined {
  if (!timer) return nextAt > now + longestWaitMs + clockSkewMs ? now : undefined;
  if (!steady) return undefined;
  const delay = headers[delayHeader];
  if (delay !== undefined) return nextAt > now + Number(delay) + clockSkewMs ? now + Number(delay) : undefined;
  // One that was due at once carries the time of its unit.
  const written = Date.parse(time);
  return written > now + clockSkewMs && nextAt <= written ? now : undefined;
}
