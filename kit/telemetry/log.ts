import { pino } from "pino";

export type Level = "debug" | "info" | "warn" | "error" | "critical";

/** Values that may stand in a log: ids, names, counts; `error` is written with its chain of causes. Never bodies. */
export type Fields = Readonly<Record<string, unknown>>;

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
      serializers: { error: (error: unknown) => describeError(error) },
    },
    { write: format === "json" ? write : (line: string) => write(pretty(line)) },
  );
  return wrap(base);
}

type Pino = pino.Logger<"critical">;
function wrap(base: Pino): Logger {
  return {
    debug: (event, fields) => base.debug(tame(fields), event),
    info: (event, fields) => base.info(tame(fields), event),
    warn: (event, fields) => base.warn(tame(fields), event),
    error: (event, fields) => base.error(tame(fields), event),
    critical: (event, fields) => base.critical(tame(fields), event),
    child: (fields) => wrap(base.child(tame(fields))),
  };
}

/** Names that an entry has itself: a field of that name must not take its place. */
const entryNames = new Set(["level", "time", "msg"]);
/** Characters of one value. */
const longest = 8_192;

/** Fields as they may stand in an entry: under names of their own, none of them endless, none of them throwing. */
function tame(fields: Fields = {}): Record<string, unknown> {
  const tamed: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    let value: unknown;
    try {
      value = fields[name];
      if (name !== "error" && typeof value === "object" && value !== null) value = JSON.parse(JSON.stringify(value));
    } catch {
      value = "(cannot be written)";
    }
    tamed[entryNames.has(name) ? `${name}_` : name] = short(value);
  }
  return tamed;
}

function short(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string" && value.length > longest)
    return `${value.slice(0, longest)}… (${String(value.length)})`;
  return value;
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

interface ErrorText {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorText | string;
}

function describeError(error: unknown, depth = 0): ErrorText | string {
  if (!(error instanceof Error)) return String(error);
  return {
    name: error.name,
    message: String(short(error.message)),
    ...("code" in error && typeof error.code === "string" ? { code: error.code } : {}),
    ...(error.stack === undefined ? {} : { stack: String(short(error.stack)) }),
    ...(error.cause === undefined || depth > 4 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

const colours: Readonly<Record<string, string>> = {
  debug: "\u001b[90m",
  info: "\u001b[36m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
  critical: "\u001b[41m",
};

/** Control characters (C0, C1, DEL), which could begin a line or a colour of their own, as JSON writes them. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (found) =>
    found === "\n" ? "\\n" : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function pretty(line: string): string {
  // Proof: the line was written by pino as a JSON object.
  const { level, time, msg, service, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const name = String(level);
  const rest = Object.entries(fields).map(([key, value]) =>
    visible(`${key}=${typeof value === "string" ? value : JSON.stringify(value)}`),
  );
  const from = typeof service === "string" ? `[${visible(service)}] ` : "";
  const what = visible(String(msg));
  return `${String(time).slice(11, 23)} ${colours[name] ?? ""}${name.padEnd(8)}\u001b[0m ${from}${what} ${rest.join(" ")}${trace(error)}\n`;
}

/** The lines of a stack are indented: none of them looks like an entry. */
function trace(error: unknown): string {
  if (error === undefined) return "";
  if (typeof error !== "object" || error === null || !("stack" in error)) return ` ${visible(JSON.stringify(error))}`;
  return String(error.stack)
    .split("\n")
    .map((each) => `\n    ${visible(each)}`)
    .join("");
}
