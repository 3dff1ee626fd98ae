import { within, type Runtime } from "../runtime/index.ts";

export interface FailingCheck {
  readonly check: string;
  readonly reason: string;
}

/** Resolves with why it fails, or rejects with it. Resolves with undefined where it does not. */
export type Check = () => Promise<string | undefined> | undefined;

/** A check that takes longer has failed. */
const answerMs = 1_000;

/** Runs all checks side by side and tells which fail, in a little more than a second at most. Whoever asks meanwhile is told the same. */
export function readiness(
  { clock, timers }: Pick<Runtime, "clock" | "timers">,
  checks: readonly (readonly [name: string, check: Check])[],
): () => Promise<readonly FailingCheck[]> {
  const fault = async (check: Check): Promise<string | undefined> => {
    try {
      const deadline = clock.monotonic() + answerMs;
      const late = () => new Error(`There was no answer within ${String(answerMs)} ms.`);
      return await within({ clock, timers }, deadline, Promise.resolve(check()), late);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const ask = async () => {
    const faults = await Promise.all(checks.map(async ([check, run]) => ({ check, reason: await fault(run) })));
    return faults.flatMap(({ check, reason }) => (reason === undefined ? [] : [{ check, reason }]));
  };
  let asked: Promise<readonly FailingCheck[]> | undefined;
  return () =>
    (asked ??= ask().finally(() => {
      asked = undefined;
    }));
}
