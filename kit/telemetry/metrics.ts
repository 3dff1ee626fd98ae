import type { Runtime } from "../runtime/index.ts";
import { kitMetrics } from "./catalogue.ts";
import { exposed, expositionType, labelText, type Series } from "./exposition.ts";
import { Counter, Gauge, Histogram, type Labels, type Metric } from "./instruments.ts";
import { Reading, type Show } from "./reading.ts";

/** The numbers of one process. Labels are bound when something starts; the same labels give the same instrument. */
export interface Metrics {
  counter<Label extends string>(metric: Metric<"counter", Label>, labels: Labels<Label>): Counter;
  gauge<Label extends string>(metric: Metric<"gauge", Label>, labels: Labels<Label>): Gauge;
  histogram<Label extends string>(metric: Metric<"histogram", Label>, labels: Labels<Label>): Histogram;
  /**
   * Asks when somebody looks, and at most once a second. Where `read` fails, or takes longer than two seconds, its values are left out and
   * `holdfast_scrape_failures_total` counts it. Until `stop`.
   */
  onScrape(name: string, read: (show: Show) => void | Promise<void>): Collector;
  /** The text exposition format, version 0.0.4, of every metric of the kit; `contentType` names it. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface Collector {
  stop(): void;
}

/** Series of one metric; more come under the label values `other`, so that nothing that goes wrong fills the memory. */
const mostSeries = 2_000;

/** Plain numbers, so that counting costs an addition and no look-up. */
export function metricsRegistry(runtime: Pick<Runtime, "clock" | "timers">): Metrics {
  const all: readonly Metric[] = Object.values(kitMetrics);
  const bound = new Map(all.map(({ name }) => [name, new Map<string, Series>()]));
  const readings = new Set<Reading>();

  function bind<T extends Counter | Gauge | Histogram>(
    { name, labels: names }: Metric,
    values: Readonly<Record<string, string>>,
    make: () => T,
  ): T {
    const series = bound.get(name);
    if (series === undefined) throw new Error(`The metric ${name} is not among those of the kit.`);
    let labels = labelText(names, values);
    if (series.size >= mostSeries && !series.has(labels))
      labels = labelText(names, Object.fromEntries(names.map((label) => [label, "other"])));
    const known = series.get(labels);
    // Proof: a name is declared once, and with one kind.
    if (known !== undefined) return known.instrument as T;
    const instrument = make();
    series.set(labels, { labels, instrument });
    return instrument;
  }

  return {
    contentType: expositionType,
    counter: (metric, labels) => bind(metric, labels, () => new Counter()),
    gauge: (metric, labels) => bind(metric, labels, () => new Gauge()),
    histogram: (metric, labels) => bind(metric, labels, () => new Histogram(metric.buckets)),
    onScrape(source, read) {
      const failures = bind(kitMetrics.scrapeFailures, { source }, () => new Counter());
      const reading = new Reading(read, runtime, failures);
      readings.add(reading);
      return { stop: () => void readings.delete(reading) };
    },
    async text() {
      await Promise.all([...readings].map((reading) => reading.refresh()));
      const told = [...readings].flatMap(({ shown }) => shown);
      return all
        .map((metric) =>
          exposed(metric, [...(bound.get(metric.name)?.values() ?? []), ...told.filter(({ of }) => of === metric)]),
        )
        .join("");
    },
  };
}

/** Counts for nobody. */
export const noMetrics: Metrics = {
  contentType: expositionType,
  counter: () => new Counter(),
  gauge: () => new Gauge(),
  histogram: ({ buckets }) => new Histogram(buckets),
  onScrape: () => ({ stop() {} }),
  text: () => Promise.resolve(""),
};
