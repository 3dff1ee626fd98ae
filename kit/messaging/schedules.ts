import { Cron } from "croner";
import { clockSkewMs, type Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { backoffMs } from "./backoff.ts";
import type { OutgoingJob, Schedule, Store } from "./store.ts";

/** A job that comes again and again, by a cron pattern in UTC. */
export interface ScheduledJob extends Schedule {
  readonly jobOf: (tick: number) => OutgoingJob;
}

export interface SchedulesOptions {
  readonly store: Pick<Store<unknown>, "nextTick" | "tick">;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly schedules: readonly ScheduledJob[];
}

export interface Schedules {
  stop(): Promise<void>;
}

/** The clock of a machine may be set, and another instance may have moved the schedule on. */
const longestSleepMs = 30_000;
const failing = { baseMs: 500, capMs: 30_000 };

/**
 * Enqueues scheduled jobs. Every instance keeps watch; the store lets one of them have each tick, so there is nobody whose death could stop a schedule.
 * Ticks that passed while no instance was there come as one.
 */
export function startSchedules({ store, runtime, log, schedules }: SchedulesOptions): Schedules {
  const { clock, timers, random } = runtime;
  const stopping = new AbortController();
  const watch = async ({ name, pattern, jobOf }: ScheduledJob) => {
    const following = follower(pattern);
    for (let failures = 0; !stopping.signal.aborted;) {
      try {
        const now = clock.now();
        // Another instance's clock may be a little ahead, and its tick be the next one after this.
        const tick = await store.nextTick({ name, pattern }, following(now), following(now + clockSkewMs));
        failures = 0;
        if (tick > clock.now()) await timers.sleep(Math.min(longestSleepMs, tick - clock.now()), stopping.signal);
        else await store.tick({ name, pattern }, tick, following(clock.now()), jobOf(tick));
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn("a schedule cannot be read or moved on", { schedule: name, error });
        await timers.sleep(backoffMs(random, failures, failing), stopping.signal);
      }
    }
  };
  const watching = schedules.map(watch);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(watching);
    },
  };
}

const options = { timezone: "UTC", mode: "5-part" } as const;

/** Gives the first tick after a time; a pattern that never comes again gives the end of time. */
function follower(pattern: string): (after: number) => number {
  const cron = new Cron(pattern, options);
  return (after) => cron.nextRun(new Date(after))?.getTime() ?? 8.64e15;
}

/** Why a pattern is none, as the end of a sentence that begins with it; undefined where it has ticks. */
export function patternFault(pattern: string): string | undefined {
  try {
    // What recurs at all recurs within 400 years, after which the calendar repeats.
    if (new Cron(pattern, options).nextRun(new Date(0)) !== null) return undefined;
    return "never comes: the calendar has no such day";
  } catch (error) {
    return `is not five fields of cron: ${error instanceof Error ? error.message : String(error)}`;
  }
}
