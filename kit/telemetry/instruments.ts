/** What a value is counted in; the name of a metric ends in it, as Prometheus asks (https://prometheus.io/docs/practices/naming/). */
export type Unit = "seconds" | "bytes" | "requests" | "messages" | "units" | "connections" | "calls" | "files" | "none";

/** A metric, declared once; its labels take their values where it is used. */
export interface Metric<Kind extends "counter" | "gauge" | "histogram" = MetricKind, Label extends string = string> {
  readonly kind: Kind;
  readonly name: string;
  readonly unit: Unit;
  /** What it means. */
  readonly help: string;
  /** What to look at, or to do, when it is bad. */
  readonly whenBad: string;
  readonly labels: readonly Label[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets: readonly number[];
}
export type MetricKind = "counter" | "gauge" | "histogram";

/** A value for each label. */
export type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** Grows, and begins at 0 with the process. */
export class Counter {
  value = 0;
  add(count = 1): void {
    this.value += count;
  }
}

/** Goes up and down. */
export class Gauge {
  value = 0;
}

/** How often each size came: plain numbers, so that an observation is a few additions. */
export class Histogram {
  /** Of each bucket by itself, and what is larger than all of them at the end. */
  readonly counts: number[];
  sum = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (value > (bounds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

type Declared<Label extends string> = Pick<Metric<MetricKind, Label>, "name" | "unit" | "help" | "whenBad"> & {
  readonly labels?: readonly Label[];
};

export const counter = <const Label extends string = never>(metric: Declared<Label>): Metric<"counter", Label> => ({
  labels: [],
  ...metric,
  kind: "counter",
  buckets: [],
});

export const gauge = <const Label extends string = never>(metric: Declared<Label>): Metric<"gauge", Label> => ({
  labels: [],
  ...metric,
  kind: "gauge",
  buckets: [],
});

export const histogram = <const Label extends string = never>(
  metric: Declared<Label> & { readonly buckets: readonly number[] },
): Metric<"histogram", Label> => ({ labels: [], ...metric, kind: "histogram" });
