import { Histogram, type Counter, type Gauge, type Metric } from "./instruments.ts";

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** A series with its labels as they are written; made once, where it is bound. */
export interface Series {
  readonly labels: string;
  readonly instrument: Counter | Gauge | Histogram;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

/** `service="orders",code="kit/overloaded"`, in the order in which the metric has them. */
export const labelText = (names: readonly string[], values: Readonly<Record<string, string>>): string =>
  names.map((name) => `${name}="${escaped(values[name] ?? "").replaceAll('"', '\\"')}"`).join(",");

const numberText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

const line = (name: string, labels: string, value: number): string =>
  `${name}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}\n`;

/** What a metric is, and all of its series. */
export function exposed({ name, kind, help, buckets }: Metric, all: Iterable<Series>): string {
  let text = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${kind}\n`;
  for (const { labels, instrument } of all) {
    if (!(instrument instanceof Histogram)) {
      text += line(name, labels, instrument.value);
      continue;
    }
    // A bucket counts what is smaller, too.
    let count = 0;
    for (const [at, each] of instrument.counts.entries()) {
      count += each;
      const le = `le="${numberText(buckets[at] ?? Number.POSITIVE_INFINITY)}"`;
      text += line(`${name}_bucket`, labels === "" ? le : `${labels},${le}`, count);
    }
    text += line(`${name}_sum`, labels, instrument.sum) + line(`${name}_count`, labels, count);
  }
  return text;
}
