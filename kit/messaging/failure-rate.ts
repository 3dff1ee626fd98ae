const windowSize = 100;
/** Fewer outcomes say nothing about a rate. */
const enough = 20;
const shortestPauseMs = 1_000;
const longestPauseMs = 30_000;

export interface FailureRate {
  /** Records outcomes of messages that were tried; gives the milliseconds to pause, 0 while the rate is below one half. */
  record(outcomes: Iterable<boolean>): number;
}

/** Of the last 100 messages: half of them failed means that the fault is not with the messages. */
export function failureRate(): FailureRate {
  const outcomes: boolean[] = [];
  let pauses = 0;
  return {
    record(failed) {
      outcomes.push(...failed);
      outcomes.splice(0, outcomes.length - windowSize);
      if (outcomes.length < enough) return 0;
      if (outcomes.filter(Boolean).length * 2 < outcomes.length) {
        pauses = 0;
        return 0;
      }
      // What comes after the pause is judged afresh.
      outcomes.length = 0;
      pauses += 1;
      return Math.min(shortestPauseMs * 2 ** (pauses - 1), longestPauseMs);
    },
  };
}
