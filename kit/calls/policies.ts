import { findProblem, kitProblems, type ProblemError } from "../contract/index.ts";
import { backoffMs, type StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Counter, Logger } from "../telemetry/index.ts";
import { Breaker, isFull, type BreakerState } from "./breaker.ts";
import { Bulkhead } from "./bulkhead.ts";
import { verdictOf } from "./verdict.ts";
import { isRepeatable, type Outward, type Transport } from "./wire.ts";

export interface CallLimits {
  /** Attempts of a call that may be repeated. @default 3 */
  readonly attempts: number;
  /** Calls from one service to another at a time, without those that are made while a call is handled. @default 256 */
  readonly inFlight: number;
  /** Calls from one service to another that wait for a place; more are refused. @default 512 */
  readonly queued: number;
  /** Calls from one service to another that are made while a call is handled: they never wait, and more are refused. @default 1024 */
  readonly nested: number;
  /** Services in a chain of calls; a longer one is a loop. @default 16 */
  readonly depth: number;
  /** Calls that a handler may make for one request or message. @default 32 */
  readonly perHandler: number;
  /** Failures in a row that open the breaker. @default 8 */
  readonly failures: number;
  /** Milliseconds after which an open breaker lets one call through, as a probe. @default 1000 */
  readonly openMs: number;
}
export const callLimits: CallLimits = {
  attempts: 3,
  inFlight: 256,
  queued: 512,
  nested: 1_024,
  depth: 16,
  perHandler: 32,
  failures: 8,
  openMs: 1_000,
};

const backoff = { baseMs: 50, capMs: 1_000 };
/** Of all calls to a service a tenth may be repetitions, and so many a second beside: an outage is not multiplied. */
const budget = { perCall: 0.1, perSecond: 3, most: 30 };

export interface TargetOptions {
  readonly runtime: Runtime;
  readonly limits: CallLimits;
  readonly retries: Counter;
  readonly log: Logger;
  readonly caller: string;
  readonly callee: string;
}

/**
 * What stands between one service and another: a bulkhead, a breaker that opens when the callee fails again and again, and retries within a budget,
 * with full jitter and never past the deadline. A service's calls to itself pass neither bulkhead nor breaker.
 */
export class Target {
  readonly #options: TargetOptions;
  readonly #breaker: Breaker;
  readonly #bulkhead: Bulkhead;
  #tokens = budget.most;
  #filledAt: number;

  constructor(options: TargetOptions) {
    this.#options = options;
    const { runtime, limits, log, caller, callee } = options;
    this.#filledAt = runtime.clock.monotonic();
    this.#breaker = new Breaker({
      clock: runtime.clock,
      failures: limits.failures,
      openMs: limits.openMs,
      changed(state) {
        if (state === "half-open") return;
        log.warn(state === "open" ? "a circuit breaker opened" : "a circuit breaker closed", { caller, callee });
      },
    });
    this.#bulkhead = new Bulkhead(runtime, { callee, ...limits });
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  async send(transport: Transport, call: Outward): Promise<StoredReply> {
    const { runtime, retries } = this.#options;
    this.#tokens = Math.min(budget.most, this.#tokens + budget.perCall);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(transport, call);
      } catch (error) {
        const wait = this.#waitFor(error, call, attempt);
        if (wait === undefined) throw error;
        await runtime.timers.sleep(wait, call.signal);
        if (call.signal.aborted) throw error;
        retries.add();
      }
    }
  }

  async #attempt(transport: Transport, call: Outward): Promise<StoredReply> {
    const { runtime, caller, callee } = this.#options;
    const { clock } = runtime;
    if (caller === callee) return transport(call);
    const again = isUnderWay(call);
    if (!again && this.#breaker.refuses) throw this.#leftAlone();
    const place = this.#bulkhead.enter(call);
    if (place !== undefined) await place;
    try {
      const sentAt = clock.monotonic();
      const { timeoutMs } = call;
      const pass = again ? this.#breaker.enterAgain() : this.#breaker.enter({ ms: call.deadline - sentAt, timeoutMs });
      if (pass === undefined) throw this.#leftAlone();
      try {
        const reply = await transport(call);
        this.#breaker.settle(pass, "answered");
        return reply;
      } catch (error) {
        const fullTime = isFull({ ms: clock.monotonic() - sentAt, timeoutMs });
        this.#breaker.settle(pass, verdictOf(error, { callerLeft: call.signal.aborted, fullTime }));
        throw error;
      }
    } finally {
      this.#bulkhead.leave(call);
    }
  }

  /** Milliseconds until the next attempt; undefined where there is none. */
  #waitFor(failed: unknown, call: Outward, attempt: number): number | undefined {
    const { limits, runtime } = this.#options;
    const { clock, random } = runtime;
    const problem = findProblem(failed);
    if (problem === undefined || !problem.retryable || attempt >= limits.attempts || !isRepeatable(call))
      return undefined;
    // Refused for so long that a repetition in between is refused as well.
    if (this.#breaker.refuses) return undefined;
    const wait = Math.max(backoffMs(random, attempt, backoff), retryAfterMs(problem));
    if (clock.monotonic() + wait >= call.deadline || !this.#spend()) return undefined;
    return wait;
  }

  #spend(): boolean {
    const now = this.#options.runtime.clock.monotonic();
    this.#tokens = Math.min(budget.most, this.#tokens + ((now - this.#filledAt) / 1_000) * budget.perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #leftAlone(): ProblemError {
    return kitProblems.unavailable({
      reason: `${this.#options.callee} fails again and again; it is left alone for a moment.`,
    });
  }
}

/** Whether a call from the same service to the same one waits for this call. */
function isUnderWay({ callChain, caller, endpoint: { owner } }: Outward): boolean {
  for (let at = 0; at < callChain.length - 1; at += 1)
    if (callChain[at] === caller.name && callChain[at + 1] === owner) return true;
  return false;
}

/** Seconds are all that the kit's own refusals give. */
function retryAfterMs({ headers }: ProblemError): number {
  const seconds = Number(headers["retry-after"] ?? 0);
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}
