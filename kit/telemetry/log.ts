import { pino } from "pino";
import { short, tame, type Fields } from "./fields.ts";
import { pretty } from "./pretty.ts";

export type Level = "debug" | "info" | "warn" | "error" | "critical";

export interface Logger {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  critical(event: string, fields?: Fields): void;
  child(fields: Fields): Logger;
}

export interface LogOptions {
  readonly level: Level;
  /** `pretty` for people, `json` for machines. */
  readonly format: "pretty" | "json";
  /** @default standard output */
  readonly write?: (line: string) => void;
}

/** Pino, with the five levels of the platform. */
export function logger({ level, format, write = (line) => process.stdout.write(line) }: LogOptions): Logger {
  const base = pino(
    {
      level,
      customLevels: { critical: 60 },
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: format === "json" ? write : (line: string) => write(pretty(line)) },
  );
  return wrap(base, {});
}

type Pino = pino.Logger<"critical">;
function wrap(base: Pino, bound: Fields): Logger {
  const at = (level: Level) => (event: string, fields?: Fields) => {
    // Bound by this wrapper and not by pino, whose children write a name twice.
    if (base.isLevelEnabled(level)) base[level]({ ...bound, ...tame(fields) }, short(event));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    critical: at("critical"),
    child: (fields) => wrap(base, { ...bound, ...tame(fields) }),
  };
}

const nothing = () => {};
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  critical: nothing,
  child: () => silentLogger,
};

export interface LogEntry {
  readonly level: Level;
  readonly event: string;
  readonly fields: Fields;
}

/** Keeps what was logged, for tests. */
export function memoryLogger(
  entries: LogEntry[] = [],
  bound: Fields = {},
): Logger & { readonly entries: readonly LogEntry[] } {
  const at =
    (level: Level) =>
    (event: string, fields: Fields = {}) => {
      entries.push({ level, event, fields: { ...bound, ...fields } });
    };
  return {
    entries,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    critical: at("critical"),
    child: (fields) => memoryLogger(entries, { ...bound, ...fields }),
  };
}
