import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Store } from "./store.ts";

const everyMs = 60_000;

/** Drops what is past retention, a chunk at a time, so that nobody waits long for it. */
export function startHousekeeping({ store, runtime, log }: { readonly store: Store<object>; readonly runtime: Runtime; readonly log: Logger }): { stop(): void } {
  let running = false;
  const run = async () => {
    if (running) return;
    running = true;
    try {
      while (await store.sweep(runtime.clock.now()));
    } catch (error) {
      log.warn("housekeeping failed; it is tried again", { error });
    } finally {
      running = false;
    }
  };
  const timer = runtime.timers.every(everyMs, () => void run());
  return { stop: () => timer.cancel() };
}
