import { findProblem } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Verdict } from "./store.ts";

export interface RetryPolicy {
  /** After so many attempts the message is a dead letter. @default 10 */
  readonly attempts: number;
  /** Pause before the first attempt out of its turn. @default 500 */
  readonly baseMs: number;
  /** @default 60000 */
  readonly capMs: number;
}

const defaults: RetryPolicy = { attempts: 10, baseMs: 500, capMs: 60_000 };

/** Not the fault of the message: the store or a broker is away. These use up no attempts. */
const infrastructure = new Set(["kit/unavailable", "kit/overloaded", "kit/outcome-unknown", "kit/stale-epoch"]);

/** A message that may not be tried: its error says why. */
export class DeadOnArrival extends Error {
  readonly code: string;
  constructor(code: string, detail: string) {
    super(detail);
    this.name = "DeadOnArrival";
    this.code = code;
  }
}

/**
 * What becomes of a failure: a problem that is not retryable is dead at once, everything else is parked, later and later with full jitter
 * (Brooker, "Exponential Backoff and Jitter", AWS 2015), until the attempts are used up.
 */
export function judgeBy(
  policy: Partial<RetryPolicy>,
  { clock, random }: Runtime,
): (error: unknown, attempt: number) => Verdict {
  const { attempts, baseMs, capMs } = { ...defaults, ...policy };
  return (error, attempt) => {
    if (error instanceof DeadOnArrival) return { kind: "dead" };
    const problem = findProblem(error);
    if (problem !== undefined && infrastructure.has(problem.code)) return { kind: "pause" };
    if ((problem !== undefined && !problem.retryable) || attempt >= attempts) return { kind: "dead" };
    const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, attempt - 2)));
    return { kind: "park", nextAt: clock.now() + random.next() * ceiling };
  };
}

/** A pause that grows with every failure in a row, with jitter. */
export function pauses(
  random: Runtime["random"],
  { baseMs = 50, capMs = 5_000 }: { readonly baseMs?: number; readonly capMs?: number } = {},
): { next(): number; reset(): void } {
  let failures = 0;
  return {
    next() {
      const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(20, failures));
      failures += 1;
      return ceiling / 2 + (random.next() * ceiling) / 2;
    },
    reset() {
      failures = 0;
    },
  };
}
