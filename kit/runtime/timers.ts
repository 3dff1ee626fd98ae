export interface Timer {
  cancel(): void;
}

/** All throw for NaN; what is negative is 0, and Infinity never comes. */
export interface Timers {
  /** Runs once, however far away; keeps the process alive until then. */
  after(ms: number, run: () => void): Timer;
  /** Runs again and again; does not keep the process alive. At most 2^31-1 ms (24 days) apart, at least 1. */
  every(ms: number, run: () => void): Timer;
  /** Resolves early when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that Node's timers can hold; longer ones would fire at once. */
const longest = 2 ** 31 - 1;

/** Node's timers take NaN for 1 ms: an interval would spin. */
export function milliseconds(ms: number): number {
  if (typeof ms !== "number" || Number.isNaN(ms))
    throw new RangeError(`A timer was set to ${String(ms)}, which is no number of milliseconds.`);
  return ms;
}

/** @param keepsAlive whether the process goes on for it */
export function once(ms: number, run: () => void, keepsAlive: boolean): Timer {
  let timer: NodeJS.Timeout;
  const arm = (left: number) => {
    timer =
      left > longest ? setTimeout(() => arm(left - longest), longest) : setTimeout(run, Math.max(0, Math.ceil(left)));
    if (!keepsAlive) timer.unref();
  };
  arm(milliseconds(ms));
  return { cancel: () => clearTimeout(timer) };
}

export const systemTimers: Timers = {
  after: (ms, run) => once(ms, run, true),
  every(ms, run) {
    const timer = setInterval(run, Math.min(Math.max(1, milliseconds(ms)), longest));
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  },
  sleep: (ms, signal) => sleepOn(systemTimers, ms, signal),
};

export function sleepOn(timers: Pick<Timers, "after">, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = timers.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
