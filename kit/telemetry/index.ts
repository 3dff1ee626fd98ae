export { Withholding, type Fields } from "./fields.ts";
export { logger, memoryLogger, silentLogger, type Level, type LogEntry, type Logger, type LogOptions } from "./log.ts";
export { logFiles, type LogFiles, type LogFilesOptions, type WriteEntry } from "./log-files.ts";
export { openTelemetry, type OpenTelemetryOptions } from "./open-telemetry.ts";
export { otlpTracing, type OtlpOptions } from "./otlp.ts";
export type { Attributes, Span, Spans, SpanStart, Tracing } from "./spans.ts";
export { formatTraceparent, parseTraceparent, readTraceparent, type TraceContext } from "./trace.ts";
