import type { Clock } from "../runtime/index.ts";
import { keyRetentionMs } from "./retention.ts";
import { steadyClock } from "./steady-clock.ts";

/** The ages of Idempotency-Keys, as far as the clock is believed. One for each open store. */
export interface KeyClock {
  /** Keys written before this time, in milliseconds since the epoch, have expired. 0 until the clock has run for ten minutes without a jump: none has. */
  expiredBefore(): number;
  /** The time to write with a key, in whole milliseconds since the epoch: never behind the clock as it was when it was last believed. */
  at(): number;
}

export function keyClock(clock: Clock): KeyClock {
  const isSteady = steadyClock(clock);
  let believed = clock.now() - clock.monotonic();
  const look = () => {
    const steady = isSteady();
    const now = clock.now();
    if (steady) believed = now - clock.monotonic();
    return { steady, now };
  };
  return {
    expiredBefore() {
      const { steady, now } = look();
      return steady ? Math.floor(now - keyRetentionMs) : 0;
    },
    at: () => Math.floor(Math.max(look().now, believed + clock.monotonic())),
  };
}
