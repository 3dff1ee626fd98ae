import { readdir } from "node:fs/promises";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { kitMetrics } from "./catalogue.ts";
import type { Collector, Metrics } from "./metrics.ts";

/** The loop is looked at this often, which costs an idle process next to nothing. */
const resolution = 20;

const kinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};

/**
 * Processor, memory, garbage collector and event loop of this process, under the names that prom-client gives them, which dashboards know.
 */
export function processMetrics(metrics: Metrics): Collector {
  const loop = monitorEventLoopDelay({ resolution });
  loop.enable();
  const pauses = new Map(
    Object.values(kinds).map((kind) => [kind, metrics.histogram(kitMetrics.collections, { kind })]),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) pauses.get(kindOf(entry))?.observe(entry.duration / 1_000);
  });
  observer.observe({ entryTypes: ["gc"] });
  const startedAt = Date.now() / 1_000 - process.uptime();
  const collector = metrics.onScrape("process", async (show) => {
    const { user, system } = process.cpuUsage();
    show(kitMetrics.cpuUser, {}, user / 1_000_000);
    show(kitMetrics.cpuSystem, {}, system / 1_000_000);
    show(kitMetrics.startTime, {}, startedAt);
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    show(kitMetrics.residentMemory, {}, rss);
    show(kitMetrics.heapTotal, {}, heapTotal);
    show(kitMetrics.heapUsed, {}, heapUsed);
    show(kitMetrics.externalMemory, {}, external);
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolution / 1_000) || 0;
    show(kitMetrics.loopLagMean, {}, late(loop.mean));
    show(kitMetrics.loopLagP99, {}, late(loop.percentile(99)));
    show(kitMetrics.loopLagMax, {}, late(loop.max));
    loop.reset();
    if (process.platform === "linux") show(kitMetrics.openFiles, {}, (await readdir("/proc/self/fd")).length);
  });
  return {
    stop() {
      collector.stop();
      observer.disconnect();
      loop.disable();
    },
  };
}

function kindOf(entry: object): string {
  const detail: unknown = Reflect.get(entry, "detail");
  const kind: unknown = typeof detail === "object" && detail !== null ? Reflect.get(detail, "kind") : undefined;
  return typeof kind === "number" ? (kinds[kind] ?? "") : "";
}
