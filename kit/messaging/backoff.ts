import type { Random } from "../runtime/index.ts";

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Exponential back-off with full jitter: milliseconds to wait after the n-th failure in a row (from 1).
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const backoffMs = (random: Random, failures: number, { baseMs, capMs }: Backoff): number =>
  random.next() * Math.min(capMs, baseMs * 2 ** Math.min(Math.max(0, failures - 1), 40));
