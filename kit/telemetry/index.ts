export {
  logger,
  memoryLogger,
  silentLogger,
  type Fields,
  type Level,
  type LogEntry,
  type Logger,
  type LogOptions,
} from "./log.ts";
export { childOf, formatTraceparent, parseTraceparent, type TraceContext } from "./trace.ts";
