import { isUtf8 } from "node:buffer";
import { kitProblems, maxDepth, parseExactJson, pointer, type FieldError } from "../contract/index.ts";

export interface JsonBody {
  readonly value: unknown;
  /** True when the text might hold NUL or half a surrogate pair. */
  readonly suspect: boolean;
}

/**
 * Reads a body of JSON in UTF-8 (RFC 8259). Refuses, with a `kit/` problem: a byte order mark, more than `maxDepth` levels, an object with two equal names,
 * and a number that no double can hold.
 */
export function parseJson(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw kitProblems.malformedJson({ reason: "The body is not UTF-8." });
  const text = bytes.toString("utf8");
  if (text.codePointAt(0) === 0xfeff)
    throw kitProblems.malformedJson({ reason: "The body begins with a byte order mark." });
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (error) {
    throw kitProblems.malformedJson({ reason: reasonOf(error) });
  }
  const fault = structureFault(text) ?? (mayBeInfinite.test(text) ? infiniteFault(value, "") : undefined);
  if (fault !== undefined) throw kitProblems.invalidRequest({ errors: [fault] });
  return { value, suspect: text.includes("\\u") && /\\u(0000|[dD][89a-fA-F])/.test(text) };
}

/** V8's own sentence, unless it quotes the body. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  return message === "" || message.endsWith("is not valid JSON")
    ? "The body has a character that JSON does not allow there. Names and strings need double quotes; NaN, Infinity, undefined and comments are not JSON."
    : `${message}.`;
}

interface Level {
  /** Of an object. */
  readonly names: Set<string> | undefined;
  /** Name or index of the value that is being read. */
  at: string | number;
}

const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/** Reads a text that is JSON: `JSON.parse` keeps the last of equal names, and says nothing. */
function structureFault(text: string): FieldError | undefined {
  const levels: Level[] = [];
  let level: Level | undefined;
  let isName = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const begin = at + 1;
      for (at = begin; text.charCodeAt(at) !== quote; at += 1) if (text.charCodeAt(at) === backslash) at += 1;
      if (!isName || level?.names === undefined) continue;
      isName = false;
      const name = unescaped(text.slice(begin, at));
      level.at = name;
      if (level.names.has(name)) return repeated(levels);
      level.names.add(name);
    } else if (code === openBrace || code === openBracket) {
      isName = code === openBrace;
      level = isName ? { names: new Set(), at: "" } : { names: undefined, at: 0 };
      if (levels.push(level) > maxDepth) return tooDeep;
    } else if (code === closeBrace || code === closeBracket) {
      isName = false;
      levels.pop();
      level = levels.at(-1);
    } else if (code === comma && level !== undefined) {
      isName = level.names !== undefined;
      if (typeof level.at === "number") level.at += 1;
    }
  }
  return undefined;
}

/** A string of JSON without its quotes. */
const unescaped = (raw: string): string => (raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw);

const repeated = (levels: readonly Level[]): FieldError => ({
  in: "body",
  field: levels.map(({ at }) => `/${pointer(String(at))}`).join(""),
  rule: "repeated",
  message: "is given more than once",
});

const tooDeep: FieldError = {
  in: "body",
  field: "",
  rule: "depth",
  message: `is nested deeper than ${String(maxDepth)} levels`,
};

/** Whether there may be a number with an exponent or very many digits. Each run of digits is read once. */
const mayBeInfinite = /\d[eE]|(?<!\d)\d{300}/;

/** `JSON.parse` makes Infinity of 1e400, which becomes null where it is stored. */
function infiniteFault(value: unknown, at: string): FieldError | undefined {
  if (typeof value === "number" && !Number.isFinite(value))
    return { in: "body", field: at, rule: "range", message: "is larger than any number that can be stored" };
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const fault = infiniteFault(inner, `${at}/${pointer(name)}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
