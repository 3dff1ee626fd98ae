import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";

export interface StoreWatch {
  /** Why the store could not be used when it was asked last; undefined where it could. */
  fault(): string | undefined;
  stop(): void;
}

export interface WatchedStore {
  /** What the log calls it. @default "store" */
  readonly name?: string;
  /** Why it cannot be used; undefined where it can. */
  check(): Promise<string | undefined>;
}

const everyMs = 2_000;
/** A store that takes longer than this to answer is as good as down. */
const silentMs = 5_000;

/** Asks a store every 2 s whether it can be used, and logs when that changes. */
export function watchStore(
  { name = "store", check }: WatchedStore,
  { clock, timers }: Pick<Runtime, "clock" | "timers">,
  log: Logger,
): StoreWatch {
  let fault: string | undefined;
  let askedAt: number | undefined;
  const found = (reason: string | undefined) => {
    if (reason !== undefined && fault === undefined) log.critical(`the ${name} cannot be used`, { reason });
    if (reason === undefined && fault !== undefined) log.info(`the ${name} can be used again`);
    fault = reason;
  };
  const ask = async () => {
    if (askedAt !== undefined) {
      if (clock.monotonic() - askedAt > silentMs) found(`The ${name} does not answer.`);
      return;
    }
    askedAt = clock.monotonic();
    try {
      found(await check());
    } catch (error) {
      found(error instanceof Error ? error.message : String(error));
    } finally {
      askedAt = undefined;
    }
  };
  const timer = timers.every(everyMs, () => void ask());
  return { fault: () => fault, stop: () => timer.cancel() };
}
