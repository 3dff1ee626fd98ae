import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Outward } from "./wire.ts";

interface Waiting {
  /** Its turn has come. */
  begin(): void;
}

export interface BulkheadOptions {
  readonly callee: string;
  readonly inFlight: number;
  readonly queued: number;
  readonly nested: number;
}

/**
 * Bounds the calls from one service to another. Only the first call of a chain waits for a place. A call that is made while a call is handled never
 * waits: whoever waits for a place holds none, so that no circle of services can wait for itself.
 */
export class Bulkhead {
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  readonly #options: BulkheadOptions;
  readonly #waiting = new Set<Waiting>();
  #first = 0;
  #nested = 0;

  constructor(runtime: Pick<Runtime, "clock" | "timers">, options: BulkheadOptions) {
    this.#runtime = runtime;
    this.#options = options;
  }

  /** Undefined where there is a place; throws `kit/unavailable` where too many wait. What it gives rejects at the deadline, and when the caller leaves. */
  enter(call: Outward): Promise<void> | undefined {
    const { inFlight, queued, nested } = this.#options;
    if (isNested(call)) {
      if (this.#nested >= nested) throw this.#refusal("are under way");
      this.#nested += 1;
      return undefined;
    }
    if (this.#first < inFlight) {
      this.#first += 1;
      return undefined;
    }
    if (this.#waiting.size >= queued) throw this.#refusal("are waiting");
    return this.#wait(call);
  }

  /** Ends a call that had a place. */
  leave(call: Outward): void {
    if (isNested(call)) {
      this.#nested -= 1;
      return;
    }
    const [next] = this.#waiting;
    if (next === undefined) this.#first -= 1;
    else next.begin();
  }

  #wait({ deadline, signal }: Outward): Promise<void> {
    const { clock, timers } = this.#runtime;
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(waiting);
        timer.cancel();
        signal.removeEventListener("abort", left);
      };
      const waiting = {
        begin: () => {
          end();
          resolve();
        },
      };
      const giveUp = (error: Error) => {
        end();
        reject(error);
      };
      const left = () => giveUp(kitProblems.unavailable({ reason: "The caller has gone." }));
      const timer = timers.after(deadline - clock.monotonic(), () => giveUp(kitProblems.deadlineExceeded({})));
      signal.addEventListener("abort", left, { once: true });
      this.#waiting.add(waiting);
      if (signal.aborted) left();
    });
  }

  #refusal = (what: string) =>
    kitProblems.unavailable({ reason: `Too many calls to ${this.#options.callee} ${what}.` });
}

/** Made while a call is handled: another service waits for it beside the one that makes it. */
const isNested = ({ callChain }: Outward): boolean => callChain.length > 1;
