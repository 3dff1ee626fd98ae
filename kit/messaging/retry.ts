import { findProblem } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { backoffMs } from "./backoff.ts";
import { messageRetentionMs } from "./retention.ts";
import type { Verdict } from "./store.ts";

/** What becomes of a message whose handler fails. */
export interface RetryPolicy {
  /** Attempts before the dead letter, at least 1; the two that are made at once count. @default 10 */
  readonly attempts: number;
  /** Milliseconds; doubled with every attempt, and drawn from 0 to that. At most 7 days. @default 500 */
  readonly baseMs: number;
  /** At most 7 days. @default 60000 */
  readonly capMs: number;
  /** Decides in place of the rules below; undefined leaves it to them. An attempt comes 7 days later at the most, whatever `nextAt` says. */
  readonly judge?: (error: unknown, attempt: number) => Verdict | undefined;
}

export const defaultRetry: RetryPolicy = { attempts: 10, baseMs: 500, capMs: 60_000 };

const infrastructure = new Set(["kit/unavailable", "kit/overloaded", "kit/outcome-unknown"]);

/** Not the message's fault: the database or the broker is gone, or has too much to do. */
export function isInfrastructure(error: unknown): boolean {
  const code = findProblem(error)?.code;
  return code !== undefined && infrastructure.has(code);
}

/** The longest wait for another attempt, in milliseconds. */
const longestWaitMs = messageRetentionMs;

/** What is wrong with a retry policy, as sentences. */
export function retryFaults(policy: Partial<RetryPolicy> = {}): readonly string[] {
  const { attempts, baseMs, capMs } = filled(policy);
  const faults: string[] = [];
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    faults.push(`retry.attempts must be a whole number from 1, not ${String(attempts)}.`);
  for (const [name, ms] of Object.entries({ baseMs, capMs }))
    if (!(typeof ms === "number" && ms >= 0 && ms <= longestWaitMs))
      faults.push(`retry.${name} must be 0 to ${String(longestWaitMs)} milliseconds (7 days), not ${String(ms)}.`);
  return faults;
}

/** Options that are undefined are as good as left out. */
const filled = ({ attempts, baseMs, capMs }: Partial<RetryPolicy>): Omit<RetryPolicy, "judge"> => ({
  attempts: attempts ?? defaultRetry.attempts,
  baseMs: baseMs ?? defaultRetry.baseMs,
  capMs: capMs ?? defaultRetry.capMs,
});

/** How long a row may wait for its next attempt under this policy, in milliseconds. */
export const longestWaitOf = (policy: Partial<RetryPolicy>): number =>
  policy.judge === undefined ? filled(policy).capMs : longestWaitMs;

/**
 * By error class: infrastructure pauses and uses up no attempt; a problem that says it is not retryable is dead at once;
 * everything else is parked until its attempts are used up.
 * @param tell is given the error of a `judge` that failed or gave no verdict: then these rules decide
 */
export function judgeBy(
  policy: Partial<RetryPolicy>,
  { clock, random }: Pick<Runtime, "clock" | "random">,
  tell: (error: unknown) => void = () => {},
): (error: unknown, attempt: number) => Verdict {
  const { attempts, baseMs, capMs } = filled(policy);
  const decide = (error: unknown, attempt: number): Verdict | undefined => {
    try {
      const verdict = policy.judge?.(error, attempt);
      return verdict === undefined ? undefined : checked(verdict, clock.now());
    } catch (failed) {
      tell(failed);
      return undefined;
    }
  };
  return (error, attempt) => {
    const decided = decide(error, attempt);
    if (decided !== undefined) return decided;
    if (isInfrastructure(error)) return { kind: "pause" };
    if (findProblem(error)?.retryable === false || attempt >= attempts) return { kind: "dead" };
    return { kind: "park", nextAt: clock.now() + backoffMs(random, attempt - 1, { baseMs, capMs }) };
  };
}

/** The verdict, as a store can write it; throws for what is none. */
function checked(verdict: Verdict, now: number): Verdict {
  if (verdict.kind !== "park") {
    if (["dead", "discard", "pause"].includes(verdict.kind)) return verdict;
    throw new TypeError(`The judge of a retry policy gave the verdict ${String(verdict.kind)}, which is none.`);
  }
  const { nextAt } = verdict;
  if (!Number.isFinite(nextAt))
    throw new TypeError(`The judge of a retry policy parked a message until ${String(nextAt)}, which is no time.`);
  return { kind: "park", nextAt: Math.min(Math.max(nextAt, now), now + longestWaitMs) };
}
