export { kitMetrics } from "./catalogue.ts";
export { Withholding, type Fields } from "./fields.ts";
export { Counter, Gauge, Histogram, type Labels, type Metric, type MetricKind, type Unit } from "./instruments.ts";
export {
  logger,
  memoryLogger,
  notEnded,
  silentLogger,
  type Level,
  type LogEntry,
  type Logger,
  type LogOptions,
} from "./log.ts";
export { logFiles, type LogFiles, type LogFilesOptions, type WriteEntry } from "./log-files.ts";
export { metricsRegistry, noMetrics, type Collector, type Metrics } from "./metrics.ts";
export { openTelemetry, type OpenTelemetryOptions } from "./open-telemetry.ts";
export { otlpTracing, type OtlpOptions } from "./otlp.ts";
export type { Show } from "./reading.ts";
export { processMetrics } from "./process-metrics.ts";
export type { Attributes, Span, Spans, SpanStart, Tracing } from "./spans.ts";
export { formatTraceparent, parseTraceparent, readTraceparent, type TraceContext } from "./trace.ts";
