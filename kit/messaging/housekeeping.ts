import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Store } from "./store.ts";

export interface Housekeeping {
  stop(): void;
}

const everyMs = 60_000;

/** Sweeps what is past retention out of the store, every minute, in small steps. */
export function startHousekeeping({
  store,
  runtime,
  log,
}: {
  readonly store: Pick<Store<unknown>, "sweep">;
  readonly runtime: Runtime;
  readonly log: Logger;
}): Housekeeping {
  let stopped = false;
  let sweeping = false;
  const sweep = async () => {
    if (sweeping) return;
    sweeping = true;
    try {
      while (!stopped && (await store.sweep(runtime.clock.now())));
    } catch (error) {
      log.warn("the store could not be swept; the next minute tries again", { error });
    } finally {
      sweeping = false;
    }
  };
  const timer = runtime.timers.every(everyMs, () => void sweep());
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
