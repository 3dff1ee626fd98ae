import { renameSync, writeFileSync } from "node:fs";

/**
 * Where a crash, a pause or a failure can be planted, in the order in which a message passes them.
 * The default does nothing and costs nothing.
 */
export const faultPoints = [
  /** The transaction has begun; nothing is written. */
  "unit:begun",
  /** `run` has returned; its writes are in the transaction. */
  "unit:ran",
  /** Before the messages of a group are written to the outbox. */
  "outbox:inserting",
  /** After that, inside the same transaction. */
  "outbox:inserted",
  /** Before COMMIT. */
  "unit:committing",
  /** COMMIT has returned: it is on disk, and nobody knows yet. */
  "unit:committed",
  /** All that a document carries is where it belongs; the document still carries it. */
  "document:settling",
  /** Before the reply is handed to who asked. */
  "reply:sending",
  /** The relay has read rows of the outbox. */
  "relay:fetched",
  /** Before it gives them to the broker. */
  "relay:publishing",
  /** Before the broker writes to its log. */
  "broker:appending",
  /** They are on the broker's disk; the relay does not know. */
  "broker:appended",
  /** The relay knows; its rows are still in the outbox. */
  "relay:confirmed",
  /** Its rows are deleted. */
  "relay:deleted",
  /** A consumer has messages in hand; nothing is written. */
  "consumer:received",
  /** Before a message is marked in the inbox. */
  "inbox:inserting",
  /** After that, inside the transaction of its effects. */
  "inbox:inserted",
  /** Before the handler of one message. */
  "consumer:handling",
  /** After it, before the commit. */
  "consumer:handled",
  /** Before a message is parked for its next attempt. */
  "parked:writing",
  /** Before a parked message is handled again. */
  "parked:retrying",
  /** It was handled and is parked no more; not yet committed. */
  "parked:deleted",
  /** Before a dead letter is written. */
  "dead-letter:writing",
  /** After that, not yet committed. */
  "dead-letter:written",
  /** Effects and inbox marks are on disk; the position has not moved. */
  "consumer:committed",
  /** Before the consumer's position is written. */
  "position:moving",
  /** After it is on disk. */
  "position:moved",
  /** Before a lease is prolonged. */
  "lease:renewing",
  /** After that. */
  "lease:renewed",
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface Faults {
  /** May throw, or never return. */
  at(point: FaultPoint): void;
  /** Told when a unit begins (+1) and when its outcome is out (-1). */
  inFlight(change: number): void;
}

export const noFaults: Faults = { at() {}, inFlight() {} };

export interface FaultReport {
  readonly killedAt: FaultPoint | undefined;
  readonly inFlight: number;
  readonly hits: Readonly<Partial<Record<FaultPoint, number>>>;
}

/**
 * Faults of a crash rig, from the environment: `HOLDFAST_FAULT=point:n` ends this process with SIGKILL at the n-th time it passes the point;
 * `HOLDFAST_FAULT_FAIL=point:rate` makes the point throw at that rate; what was passed is written to the file `HOLDFAST_FAULT_REPORT` before
 * that end, and every 200 ms, whole each time. Undefined where none of them is set; throws where one of them means nothing, since a fault
 * that is never met would look like one that was survived.
 */
export function plantedFaults(
  env: Readonly<Record<string, string | undefined>>,
  random: () => number,
): Faults | undefined {
  const file = env["HOLDFAST_FAULT_REPORT"] ?? "";
  const kill = planted(env, "HOLDFAST_FAULT", (n) => Number.isInteger(n) && n >= 1);
  const fail = planted(env, "HOLDFAST_FAULT_FAIL", (rate) => rate >= 0 && rate <= 1);
  if (file === "" && kill === undefined && fail === undefined) return undefined;
  const hits: Partial<Record<FaultPoint, number>> = {};
  let inFlight = 0;
  const report = (killedAt: FaultPoint | undefined) => {
    if (file === "") return;
    const text: FaultReport = { killedAt, inFlight, hits };
    writeFileSync(`${file}.new`, `${JSON.stringify(text)}\n`);
    // A kill from outside may come at any time: the file is the old report or the new one.
    renameSync(`${file}.new`, file);
  };
  if (file !== "") setInterval(() => report(undefined), 200).unref();
  return {
    at(point) {
      const count = (hits[point] ?? 0) + 1;
      hits[point] = count;
      if (point === kill?.point && count >= kill.figure) {
        report(point);
        process.kill(process.pid, "SIGKILL");
        // The signal is on its way to this very thread; nothing more may happen here.
        for (;;);
      }
      if (point === fail?.point && random() < fail.figure) throw new Error(`planted failure at ${point}`);
    },
    inFlight(change) {
      inFlight += change;
    },
  };
}

/** `point:figure`. */
function planted(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fits: (figure: number) => boolean,
): { readonly point: FaultPoint; readonly figure: number } | undefined {
  const text = env[name] ?? "";
  if (text === "") return undefined;
  const at = text.lastIndexOf(":");
  const point = faultPoints.find((each) => each === text.slice(0, at));
  const figure = text.slice(at + 1) === "" ? Number.NaN : Number(text.slice(at + 1));
  if (point !== undefined && fits(figure)) return { point, figure };
  throw new Error(
    `${name} is ${JSON.stringify(text)}: it must be a fault point and ${name === "HOLDFAST_FAULT" ? "a count from 1" : "a rate from 0 to 1"}, as in "unit:committed:1". The points are: ${faultPoints.join(", ")}.`,
  );
}
