import { writeFileSync } from "node:fs";

/**
 * Where a crash, a pause or a failure can be planted, in the order in which a message passes them.
 * The default does nothing and costs nothing.
 */
export const faultPoints = [
  "unit:begun",
  "unit:ran",
  "outbox:inserting",
  "outbox:inserted",
  "unit:committing",
  "unit:committed",
  "reply:sending",
  "relay:fetched",
  "relay:publishing",
  "broker:appending",
  "broker:appended",
  "relay:confirmed",
  "relay:deleted",
  "consumer:received",
  "inbox:inserting",
  "inbox:inserted",
  "consumer:handling",
  "consumer:handled",
  "parked:writing",
  "parked:retrying",
  "parked:deleted",
  "dead-letter:writing",
  "dead-letter:written",
  "consumer:committed",
  "position:moving",
  "position:moved",
  "lease:renewing",
  "lease:renewed",
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface Faults {
  /** May throw, or never return. */
  at(point: FaultPoint): void;
  /** Told when a unit begins (+1) and when its outcome is out (-1). */
  inFlight(change: 1 | -1): void;
}

export const noFaults: Faults = { at() {}, inFlight() {} };

export interface FaultReport {
  readonly killedAt: FaultPoint | undefined;
  readonly inFlight: number;
  readonly hits: Readonly<Partial<Record<FaultPoint, number>>>;
}

/**
 * Faults of a crash rig, from the environment: `HOLDFAST_FAULT=point:n` ends this process with SIGKILL at the n-th time it passes the point;
 * `HOLDFAST_FAULT_FAIL=point:rate` makes the point throw at that rate; what was passed is written to `HOLDFAST_FAULT_REPORT` first, and every
 * 200 ms. Undefined where none of them is set.
 */
export function plantedFaults(
  env: Readonly<Record<string, string | undefined>>,
  random: () => number,
): Faults | undefined {
  const file = env["HOLDFAST_FAULT_REPORT"];
  if (file === undefined) return undefined;
  const [killPoint, killCount] = parts(env["HOLDFAST_FAULT"]);
  const [failPoint, failRate] = parts(env["HOLDFAST_FAULT_FAIL"]);
  const hits: Partial<Record<FaultPoint, number>> = {};
  let inFlight = 0;
  const report = (killedAt: FaultPoint | undefined) => {
    const text: FaultReport = { killedAt, inFlight, hits };
    writeFileSync(file, JSON.stringify(text));
  };
  setInterval(() => report(undefined), 200).unref();
  return {
    at(point) {
      const count = (hits[point] ?? 0) + 1;
      hits[point] = count;
      if (point === killPoint && count >= killCount) {
        report(point);
        process.kill(process.pid, "SIGKILL");
        // The signal is on its way to this very thread; nothing more may happen here.
        for (;;);
      }
      if (point === failPoint && random() < failRate) throw new Error(`planted failure at ${point}`);
    },
    inFlight(change) {
      inFlight += change;
    },
  };
}

function parts(text: string | undefined): [string | undefined, number] {
  const at = text?.lastIndexOf(":") ?? -1;
  return text === undefined || at < 0 ? [undefined, 0] : [text.slice(0, at), Number(text.slice(at + 1))];
}
