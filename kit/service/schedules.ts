import { compile, type JobContract } from "../contract/index.ts";
import { patternFault, type ScheduledJob } from "../messaging/index.ts";
import { parseTraceparent } from "../telemetry/index.ts";
import type { Service } from "./service.ts";
import { jobSubscription, letter, type Surroundings } from "./unit-context.ts";

const dataOf = (tick: number) => ({ tick: new Date(tick).toISOString() });

/** What is wrong with a schedule, as sentences. */
export function scheduleFaults(job: JobContract, schedule: string): readonly string[] {
  const fault = patternFault(schedule);
  return [
    ...(fault === undefined ? [] : [`its schedule "${schedule}" ${fault}.`]),
    ...(compile(job.data, { open: false }).check(dataOf(0))
      ? []
      : ["a scheduled job's data must take { tick }, an RFC 3339 time."]),
  ];
}

/** The scheduled jobs of a service; each tick begins a trace of its own. */
export function schedulesOf({ jobs }: Service, surroundings: Surroundings): readonly ScheduledJob[] {
  const { random } = surroundings.runtime;
  return jobs.flatMap(({ job, options: { schedule } }) =>
    schedule === undefined
      ? []
      : [
          {
            name: jobSubscription(job),
            pattern: schedule,
            jobOf: (tick) => {
              const id = surroundings.derivation.id("tick", jobSubscription(job), String(tick));
              const cause = { correlationId: id, id, trace: parseTraceparent(undefined, random) };
              return {
                // Its trace begins where one of the instances enqueues it.
                ...letter(job, dataOf(tick), cause, { spans: undefined }),
                subscription: jobSubscription(job),
                dueAt: undefined,
              };
            },
          },
        ],
  );
}
