export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds; never goes back, and means the same in every process of one machine until it reboots. */
  monotonic(): number;
}

/** The machine's monotonic clock at the process's own zero: reading a number is cheaper than reading a bigint. */
const zero = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => zero + performance.now(),
};
