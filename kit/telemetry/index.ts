export type { Fields } from "./fields.ts";
export { logger, memoryLogger, silentLogger, type Level, type LogEntry, type Logger, type LogOptions } from "./log.ts";
export { logFiles, type LogFiles, type LogFilesOptions, type WriteEntry } from "./log-files.ts";
export { childOf, formatTraceparent, parseTraceparent, type TraceContext } from "./trace.ts";
