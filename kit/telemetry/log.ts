import { pino } from "pino";
import { short, tame, Withholding, type Fields } from "./fields.ts";
import type { LogFiles, WriteEntry } from "./log-files.ts";
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
  /** What the console is given: `pretty` for people, `json` for machines. */
  readonly format: "pretty" | "json";
  /** Whether `pretty` uses colours. @default where standard output is a terminal that has them, and NO_COLOR is not set */
  readonly colours?: boolean;
  /** The console. @default standard output */
  readonly write?: (line: string) => void;
  /** Where entries go besides. @default nowhere */
  readonly files?: Pick<LogFiles, "of">;
}

/** Pino, with the five levels of the platform. The first `child` that names a service decides on the file of its entries. */
export function logger(options: LogOptions): Logger {
  const console = consoleOf(options);
  const { level, files } = options;
  const root = base(level, console, files?.of(undefined));
  return wrap(root, {}, (service) => (files === undefined ? root : base(level, console, files.of(service))));
}

function consoleOf({ format, colours, write = (line) => process.stdout.write(line) }: LogOptions) {
  if (format === "json") return write;
  const coloured = colours ?? (process.stdout.isTTY && process.stdout.hasColors());
  return (line: string) => write(pretty(line, coloured));
}

type Pino = pino.Logger<"critical">;
function base(level: Level, console: (line: string) => void, file: WriteEntry | undefined): Pino {
  const destination = {
    // Pino then says what level it writes (its documented protocol for streams).
    [Symbol.for("pino.metadata")]: true,
    lastLevel: 0,
    write(line: string) {
      console(line);
      file?.(line, destination.lastLevel >= severe);
    },
  };
  return pino(
    {
      level,
      customLevels: { critical: 60 },
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
/** Pino's number of `error`. */
const severe = 50;

function wrap(base: Pino, bound: Fields, ofService: ((service: string) => Pino) | undefined): Logger {
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
    child(fields) {
      const { service } = fields;
      const all = { ...bound, ...tame(fields) };
      return typeof service === "string" && ofService !== undefined
        ? wrap(ofService(service), all, undefined)
        : wrap(base, all, ofService);
    },
  };
}

/** For what fails while something that cannot go on is ended: why it cannot is what is told, and this is logged. */
export const notEnded =
  (log: Logger) =>
  (error: unknown): void =>
    log.error("what had begun could not be ended", { error });

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
      const told: Record<string, unknown> = { ...bound };
      for (const [name, value] of Object.entries(fields))
        told[name] = value instanceof Withholding ? value.value : value;
      entries.push({ level, event, fields: told });
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
