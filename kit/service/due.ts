import { delayHeader, type OutgoingJob } from "../messaging/index.ts";
import type { When } from "./given.ts";

/** The farthest from 1970 that a Date holds (ECMA-262, 21.4.1.1), in milliseconds; every store and timer holds it, too. */
const farthest = 8.64e15;

/**
 * When a job is due, in milliseconds since the epoch, and a header that tells a delay from a certain time; undefined for at once, as a time that has passed is.
 * @param job names it in the error, which is thrown for a time that is none or that no Date can hold
 */
export function due(when: When | undefined, now: number, job: string): Pick<OutgoingJob, "dueAt" | "headers"> {
  if (when === undefined) return { dueAt: undefined, headers: {} };
  const given: { readonly at?: unknown; readonly afterMs?: unknown } = when;
  const refuse = (why: string): never => {
    throw new Error(`${job} was enqueued for a time that is none: ${why}.`);
  };
  if ((given.at === undefined) === (given.afterMs === undefined)) return refuse('give one of "at" and "afterMs"');
  if (given.afterMs === undefined) {
    if (!(given.at instanceof Date)) return refuse(`"at" must be a Date, not ${describe(given.at)}`);
    const at = given.at.getTime();
    return Number.isNaN(at) ? refuse('"at" is an invalid Date') : { dueAt: at, headers: {} };
  }
  const { afterMs } = given;
  if (typeof afterMs !== "number" || !Number.isFinite(afterMs))
    return refuse(`"afterMs" must be a finite number of milliseconds, not ${describe(afterMs)}`);
  const dueAt = now + afterMs;
  if (Math.abs(dueAt) > farthest)
    return refuse(`"afterMs" of ${String(afterMs)} leads beyond the last time that a Date holds`);
  return { dueAt, headers: { [delayHeader]: String(afterMs) } };
}

const describe = (value: unknown): string =>
  typeof value === "number" ? String(value) : value === null ? "null" : `a value of type ${typeof value}`;
