export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds; never goes back, and means the same in every process of one machine until it reboots. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000,
};
