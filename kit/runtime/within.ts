import type { Runtime } from "./runtime.ts";

/** What comes by the deadline, on the monotonic clock, or what `late` gives, which is asked then and not before. The work itself goes on. */
export function within<T>(
  { clock, timers }: Pick<Runtime, "clock" | "timers">,
  deadline: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(Math.max(0, deadline - clock.monotonic()), () => reject(late()));
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error instanceof Error ? error : new Error("It failed without an error.", { cause: error }));
      },
    );
  });
}
