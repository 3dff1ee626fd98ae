import { findProblem } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { backoffMs } from "./backoff.ts";
import type { Verdict } from "./store.ts";

/** What becomes of a message whose handler fails. */
export interface RetryPolicy {
  /** Attempts before the dead letter; the two that are made at once count. @default 10 */
  readonly attempts: number;
  /** Milliseconds; doubled with every attempt, and drawn from 0 to that. @default 500 */
  readonly baseMs: number;
  /** @default 60000 */
  readonly capMs: number;
  /** Decides in place of the rules below; undefined leaves it to them. */
  readonly judge?: (error: unknown, attempt: number) => Verdict | undefined;
}

export const defaultRetry: RetryPolicy = { attempts: 10, baseMs: 500, capMs: 60_000 };

const infrastructure = new Set(["kit/unavailable", "kit/overloaded", "kit/outcome-unknown"]);

/** Not the message's fault: the database or the broker is gone, or has too much to do. */
export function isInfrastructure(error: unknown): boolean {
  const code = findProblem(error)?.code;
  return code !== undefined && infrastructure.has(code);
}

/**
 * By error class: infrastructure pauses and uses up no attempt; a problem that says it is not retryable is dead at once;
 * everything else is parked until its attempts are used up.
 */
export function judgeBy(
  policy: Partial<RetryPolicy>,
  { clock, random }: Pick<Runtime, "clock" | "random">,
): (error: unknown, attempt: number) => Verdict {
  const { attempts, baseMs, capMs, judge } = { ...defaultRetry, ...policy };
  return (error, attempt) => {
    const decided = judge?.(error, attempt);
    if (decided !== undefined) return decided;
    if (isInfrastructure(error)) return { kind: "pause" };
    if (findProblem(error)?.retryable === false || attempt >= attempts) return { kind: "dead" };
    return { kind: "park", nextAt: clock.now() + backoffMs(random, attempt - 1, { baseMs, capMs }) };
  };
}
