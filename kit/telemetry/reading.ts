import type { Runtime } from "../runtime/index.ts";
import { labelText, type Series } from "./exposition.ts";
import { Gauge, type Counter, type Labels, type Metric } from "./instruments.ts";

/** Tells values at a scrape; each metric and combination of labels once. */
export type Show = <Label extends string>(
  metric: Metric<"counter" | "gauge", Label>,
  labels: Labels<Label>,
  value: number,
) => void;

type Read = (show: Show) => void | Promise<void>;

interface Shown extends Series {
  readonly of: Metric;
}

const freshMs = 1_000;
const readMs = 2_000;

/** What one source told when it was last asked. */
export class Reading {
  shown: readonly Shown[] = [];
  readonly #read: Read;
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  readonly #failures: Counter;
  #at = Number.NEGATIVE_INFINITY;
  /** Goes on where it is too late for a scrape: nobody asks a second time before it has ended. */
  #running: Promise<void> | undefined;

  constructor(read: Read, runtime: Pick<Runtime, "clock" | "timers">, failures: Counter) {
    this.#read = read;
    this.#runtime = runtime;
    this.#failures = failures;
  }

  /** Resolves in two seconds at the latest. */
  async refresh(): Promise<void> {
    const { clock, timers } = this.#runtime;
    if (clock.monotonic() - this.#at < freshMs) return;
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    const inTime = new AbortController();
    const late = timers.sleep(readMs, inTime.signal).then(() => {
      if (!inTime.signal.aborted) this.#failed();
    });
    await Promise.race([this.#running, late]);
    inTime.abort();
  }

  async #ask(): Promise<void> {
    const shown: Shown[] = [];
    try {
      await this.#read((of, labels, value) => {
        const instrument = new Gauge();
        instrument.value = value;
        shown.push({ of, labels: labelText(of.labels, labels), instrument });
      });
      this.shown = shown;
      this.#at = this.#runtime.clock.monotonic();
    } catch {
      this.#failed();
    }
  }

  #failed(): void {
    this.shown = [];
    this.#failures.add();
  }
}
