import type { Clock } from "../runtime/index.ts";

/**
 * What one attempt says of its callee. `answered`: it is up, whatever it answered. `failed`: it is not. `unknown`: nothing, as when the caller gave it
 * too little time.
 */
export type Verdict = "answered" | "failed" | "unknown";

export type BreakerState = "closed" | "half-open" | "open";

/** A permission to send one attempt; its verdict is told with it. */
export interface Pass {
  /** Changes with the state: a verdict from before a change says nothing any more. */
  readonly generation: number;
  /** The place that a probe has; undefined for any other call. */
  readonly probe?: number | undefined;
}

/** Time that a callee gets for a call, and what its contract gives it, in milliseconds. */
export interface CallTime {
  readonly ms: number;
  readonly timeoutMs: number;
}

/** This much of what its contract gives is a callee's full time: what came before the call has taken some of it. */
const fullShare = 0.9;
export const isFull = ({ ms, timeoutMs }: CallTime): boolean => ms >= timeoutMs * fullShare;

export interface BreakerOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds until an open breaker lets a call through as a probe. */
  readonly openMs: number;
  readonly changed: (state: BreakerState) => void;
}

/**
 * A circuit breaker (Nygard, "Release It!") that no caller can keep open or closed by asking for too little time. Half open, it lets one call with its full
 * time through at a time, as a probe, and refuses the others at once. A call with less time may end with `unknown`: it takes no place of a call with the full
 * time, nor of one with ten times as much.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = "closed";
  #failures = 0;
  #openedAt = 0;
  #pass: Pass = { generation: 0 };
  readonly #probes = new Set<number>();

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether every call would be refused now. */
  get refuses(): boolean {
    return this.#state === "open" && this.#openMs() < this.#options.openMs;
  }

  /** Undefined refuses the call. */
  enter(time: CallTime): Pass | undefined {
    if (this.#state === "closed") return this.#pass;
    if (this.refuses) return undefined;
    if (this.#state === "open") this.#become("half-open");
    const probe = isFull(time) ? Number.POSITIVE_INFINITY : Math.floor(Math.log10(Math.max(1, time.ms)));
    if (this.#probes.has(probe)) return undefined;
    this.#probes.add(probe);
    return { ...this.#pass, probe };
  }

  /** For a call that belongs to one which had a pass. */
  enterAgain(): Pass {
    return this.#pass;
  }

  settle({ generation, probe }: Pass, verdict: Verdict): void {
    if (generation !== this.#pass.generation) return;
    if (probe !== undefined) this.#probes.delete(probe);
    if (verdict === "answered") {
      this.#failures = 0;
      if (this.#state === "half-open") this.#become("closed");
    } else if (verdict === "failed" && this.#state !== "open") {
      this.#failures += 1;
      if (this.#state === "half-open" || this.#failures >= this.#options.failures) this.#become("open");
    }
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#failures = 0;
    this.#probes.clear();
    this.#pass = { generation: this.#pass.generation + 1 };
    if (state === "open") this.#openedAt = this.#options.clock.monotonic();
    this.#options.changed(state);
  }

  #openMs(): number {
    return this.#options.clock.monotonic() - this.#openedAt;
  }
}
