import {
  BrokenCircuitError,
  bulkhead,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  wrap,
} from "cockatiel";
import { findProblem, kitProblems, type ProblemError } from "../contract/index.ts";
import { backoffMs } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Counter } from "../telemetry/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import { isRepeatable, type Outward, type Transport } from "./wire.ts";

export interface CallLimits {
  /** Attempts of a call that may be repeated. @default 3 */
  readonly attempts: number;
  /** Calls to one service at a time. @default 64 */
  readonly inFlight: number;
  /** Calls that wait for others to one service to end; more are refused. @default 256 */
  readonly queued: number;
  /** Failures in a row that open the breaker. @default 8 */
  readonly failures: number;
  /** After which an open breaker lets one call through, to see. @default 1000 */
  readonly openMs: number;
}
export const callLimits: CallLimits = { attempts: 3, inFlight: 64, queued: 256, failures: 8, openMs: 1_000 };

const backoff = { baseMs: 50, capMs: 1_000 };
/** Of all calls to a service a tenth may be repetitions, and so many a second beside: an outage is not multiplied. */
const budget = { perCall: 0.1, perSecond: 3, most: 30 };

/** The callee or the way to it is at fault, not this call. */
const infrastructure = new Set(["kit/unavailable", "kit/deadline-exceeded", "kit/overloaded", "kit/internal"]);
const isInfrastructure = (error: unknown): boolean => infrastructure.has(findProblem(error)?.code ?? "");

/**
 * What stands between a caller and one service: a bulkhead, a breaker that opens when the service fails again and again, and retries within a budget,
 * with full jitter and never past the deadline.
 */
export class Target {
  readonly #runtime: Runtime;
  readonly #limits: CallLimits;
  readonly #breaker;
  readonly #guard;
  readonly #retries: Counter;
  #tokens = budget.most;
  #filledAt: number;

  constructor(runtime: Runtime, limits: CallLimits, retries: Counter) {
    this.#runtime = runtime;
    this.#retries = retries;
    this.#limits = limits;
    this.#filledAt = runtime.clock.monotonic();
    const { inFlight, queued, failures, openMs } = limits;
    this.#breaker = circuitBreaker(handleWhen(isInfrastructure), {
      halfOpenAfter: openMs,
      breaker: new ConsecutiveBreaker(failures),
    });
    this.#guard = wrap(this.#breaker, bulkhead(inFlight, queued));
  }

  /** 0 closed, 1 half open, 2 open. */
  get breaker(): number {
    const { state } = this.#breaker;
    return state === CircuitState.Closed ? 0 : state === CircuitState.HalfOpen ? 1 : 2;
  }

  async send(transport: Transport, call: Outward): Promise<StoredReply> {
    this.#tokens = Math.min(budget.most, this.#tokens + budget.perCall);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#guard.execute(() => transport(call), call.signal);
      } catch (error) {
        const failed = refusal(error, call.endpoint.owner);
        const wait = this.#waitFor(failed, call, attempt);
        if (wait === undefined) throw failed;
        await this.#runtime.timers.sleep(wait, call.signal);
        if (call.signal.aborted) throw failed;
        this.#retries.add();
      }
    }
  }

  /** Milliseconds until the next attempt; undefined where there is none. */
  #waitFor(failed: unknown, call: Outward, attempt: number): number | undefined {
    const problem = findProblem(failed);
    if (problem === undefined || !problem.retryable || attempt >= this.#limits.attempts || !isRepeatable(call))
      return undefined;
    const { clock, random } = this.#runtime;
    const wait = Math.max(backoffMs(random, attempt, backoff), retryAfterMs(problem));
    if (clock.monotonic() + wait >= call.deadline || !this.#spend()) return undefined;
    return wait;
  }

  #spend(): boolean {
    const now = this.#runtime.clock.monotonic();
    this.#tokens = Math.min(budget.most, this.#tokens + ((now - this.#filledAt) / 1_000) * budget.perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Seconds are all that the kit's own refusals give. */
function retryAfterMs({ headers }: ProblemError): number {
  const seconds = Number(headers["retry-after"] ?? 0);
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}

function refusal(error: unknown, service: string): unknown {
  if (error instanceof BrokenCircuitError)
    return kitProblems.unavailable({ reason: `${service} fails again and again; it is left alone for a moment.` });
  if (error instanceof BulkheadRejectedError)
    return kitProblems.unavailable({ reason: `Too many calls to ${service} are waiting.` });
  return error;
}
