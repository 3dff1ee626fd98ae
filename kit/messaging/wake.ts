import type { Timers } from "../runtime/index.ts";

/** A sleeping loop's alarm: a wake that comes while nobody sleeps is kept for the next sleep. */
export interface Wake {
  wake(): void;
  /** Resolves after `ms`, at a wake, or when the signal aborts. One waiter at a time. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export function makeWake(timers: Pick<Timers, "after">): Wake {
  let pending = false;
  let woken: (() => void) | undefined;
  return {
    wake() {
      if (woken === undefined) pending = true;
      else woken();
    },
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (pending || signal?.aborted === true) {
          pending = false;
          resolve();
          return;
        }
        const done = () => {
          timer.cancel();
          signal?.removeEventListener("abort", done);
          woken = undefined;
          resolve();
        };
        const timer = timers.after(ms, done);
        signal?.addEventListener("abort", done, { once: true });
        woken = done;
      }),
  };
}
