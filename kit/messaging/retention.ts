import { clockSkewMs, timeOfUuidv7 } from "../runtime/index.ts";

const day = 24 * 60 * 60_000;

/** Duplicates of messages are caught this long. */
export const messageRetentionMs = 7 * day;
/** Replies are kept under their Idempotency-Key this long, and so are reservations of keys; then a key is as good as new. */
export const keyRetentionMs = day;

/** A parked message is claimed for its preparation and the unit behind it; in milliseconds. */
export const longestClaimMs = 15_000;

/** The lowest UUIDv7 of a time in milliseconds: an id below it is older. */
export function lowestUuidv7(time: number): string {
  const hex = Math.max(0, Math.floor(time)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** A low-water mark of the inbox as it counts: one ahead of now was written by a clock that was ahead, and is void. */
export const validLowWater = (mark: string, now: number): string =>
  (timeOfUuidv7(mark) ?? 0) > now + clockSkewMs ? "" : mark;
