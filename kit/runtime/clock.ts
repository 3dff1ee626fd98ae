export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds; never goes back, and means the same in every process of one machine until it reboots. */
  monotonic(): number;
}

/** The clocks of machines that work together agree this far, in milliseconds; what lies further ahead was written by a clock that was wrong. */
export const clockSkewMs = 5 * 60_000;

/** The machine's monotonic clock at the process's own zero: reading a number is cheaper than reading a bigint. */
const zero = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => zero + performance.now(),
};
