import { once } from "node:events";
import { Worker } from "node:worker_threads";

export interface OpenLoopOptions {
  /** Requests that become due a second, whatever became of those before. */
  readonly rate: number;
  readonly seconds: number;
  /**
   * Kept alive, one request in flight on each; opened before the first is due, as Node takes one new connection in a turn of its event loop. A request
   * that finds none free waits for one, and its latency runs. @default 1024
   */
  readonly connections?: number;
  /** `poisson`: independent arrivals, as from many clients. @default "poisson" */
  readonly spacing?: "even" | "poisson";
  /** The times of requests that are due in the first seconds are not counted. @default 0 */
  readonly settleSeconds?: number;
  /** After the last one was due, answers are awaited so long. @default 15000 */
  readonly giveUpMs?: number;
}

/** Milliseconds. All are 0 where there was none. */
export interface Summary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface OpenLoop {
  readonly sent: number;
  /** From the first that was due to the last answer. */
  readonly seconds: number;
  /** Ids of the orders that were answered with 201. */
  readonly accepted: readonly string[];
  /** From the moment a request was due, whenever it was sent: a server that stalls cannot slow its clients down and look well. */
  readonly acceptedMs: Summary;
  /** Answered with 503. */
  readonly refused: number;
  readonly refusedMs: Summary;
  /** All others, by status, `connection: …` with its error, or `no answer`. */
  readonly failures: ReadonlyMap<string, number>;
  /** How late the generator itself woke at most: above a few milliseconds it was short of CPU, and so are its figures. */
  readonly wakeLateMs: number;
}

/** Open loop: `POST /orders` as often as asked, in a thread of its own, so that it disturbs nobody who waits for it. */
export async function openLoop(url: string, options: OpenLoopOptions): Promise<OpenLoop> {
  const defaults = { connections: 1_024, spacing: "poisson", settleSeconds: 0, giveUpMs: 15_000 };
  const worker = new Worker(new URL("open-loop-worker.ts", import.meta.url), {
    workerData: { url, ...defaults, ...options },
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [result] = (await once(worker, "message")) as [OpenLoop]; // Proof: it is the one message that the worker sends.
  return result;
}

export function summary(values: number[]): Summary {
  values.sort((one, other) => one - other);
  const at = (share: number) => values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
