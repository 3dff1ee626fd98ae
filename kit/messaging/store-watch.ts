import { within, type Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";

export interface StoreWatch {
  /** Asks now why the store cannot be used; undefined where it can. Resolves within a second. */
  fault(): Promise<string | undefined>;
  stop(): void;
}

export interface WatchedStore {
  /** What the log calls it. @default "store" */
  readonly name?: string;
  /** Why it cannot be used; undefined where it can. */
  check(): Promise<string | undefined>;
}

const everyMs = 2_000;
/** A store that takes longer than this to answer is as good as down. Less than the second that readiness takes. */
const answerMs = 900;

/** Asks a store every 2 s whether it can be used, and logs when that changes. */
export function watchStore(
  { name = "store", check }: WatchedStore,
  { clock, timers }: Pick<Runtime, "clock" | "timers">,
  log: Logger,
): StoreWatch {
  let known: string | undefined;
  let asked: Promise<string | undefined> | undefined;
  const found = (reason: string | undefined) => {
    if (reason !== undefined && known === undefined) log.critical(`the ${name} cannot be used`, { reason });
    if (reason === undefined && known !== undefined) log.info(`the ${name} can be used again`);
    known = reason;
    return reason;
  };
  const ask = async () => {
    try {
      return await check();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      asked = undefined;
    }
  };
  const fault = async () => {
    asked ??= ask();
    const silent = () => new Error(`The ${name} does not answer.`);
    try {
      return found(await within({ clock, timers }, clock.monotonic() + answerMs, asked, silent));
    } catch (error) {
      return found(error instanceof Error ? error.message : String(error));
    }
  };
  const timer = timers.every(everyMs, () => void fault());
  return { fault, stop: () => timer.cancel() };
}
