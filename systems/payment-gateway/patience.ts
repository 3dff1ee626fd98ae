import type { RetryPolicy } from "holdfast/messaging";
import { keyRetentionMs } from "./port.ts";

const capMs = 60_000;

/**
 * A gateway that does not answer is asked again, at last once in half a minute on average, for half the time in which it knows its keys: a repetition
 * after that could be a second charge, so a person decides.
 */
export const patience: Partial<RetryPolicy> = {
  baseMs: 250,
  capMs,
  attempts: Math.floor(keyRetentionMs / 2 / (capMs / 2)),
};
