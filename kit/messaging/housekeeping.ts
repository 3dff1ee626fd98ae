import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { longestWaitOf } from "./retry.ts";
import { steadyClock } from "./steady-clock.ts";
import type { Store } from "./store.ts";
import type { MessageSubscription } from "./subscription.ts";
import { retimed } from "./waiting.ts";

export interface Housekeeping {
  stop(): void;
}

const everyMs = 60_000;

/**
 * Every minute, in small steps: sweeps the store, and mends the times that a clock wrote which was ahead. Nothing is dropped before the clock has run
 * without a jump for ten minutes: what a wrong clock takes for old is gone for good.
 */
export function startHousekeeping({
  store,
  runtime,
  log,
  waiting,
}: {
  readonly store: Pick<Store<unknown>, "sweep">;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Whose parked rows are looked at. @default none */
  readonly waiting?: {
    readonly store: Pick<Store<unknown>, "retime">;
    readonly subscriptions: readonly Pick<MessageSubscription, "name" | "retry">[];
  };
}): Housekeeping {
  const { clock, timers } = runtime;
  const isSteady = steadyClock(clock, (ms) =>
    log.warn("the clock has jumped; nothing is dropped from the store for ten minutes", { ms }),
  );
  const longest = new Map(waiting?.subscriptions.map(({ name, retry }) => [name, longestWaitOf(retry)]));
  let stopped = false;
  let sweeping = false;
  const sweep = async () => {
    const steady = isSteady();
    if (sweeping) return;
    sweeping = true;
    try {
      const now = clock.now();
      const rows = await waiting?.store.retime((row) => {
        const longestWaitMs = longest.get(row.subscription);
        return longestWaitMs === undefined ? undefined : retimed(row, { now, steady, longestWaitMs });
      });
      if ((rows ?? 0) > 0)
        log.warn("parked messages were to wait until a time that only a wrong clock has set", { rows });
      while (!stopped && (await store.sweep(clock.now(), { drop: isSteady() })));
    } catch (error) {
      log.warn("the store could not be swept; the next minute tries again", { error });
    } finally {
      sweeping = false;
    }
  };
  const timer = timers.every(everyMs, () => void sweep());
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
