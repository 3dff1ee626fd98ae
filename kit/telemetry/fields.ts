import { shortened } from "../runtime/index.ts";
import { masked, putOut } from "./masking.ts";

/** Values that may stand in a log: ids, names, counts; `error` is written with its chain of causes. Never bodies. */
export type Fields = Readonly<Record<string, unknown>>;

/** Names that an entry has itself: a field of that name stands under `name_`. */
const entryNames = new Set(["level", "time", "msg"]);
/** Characters of one value. */
const longest = 8_192;
const unwritable = "(cannot be written)";
/** Causes of causes; a cycle ends here, too. */
const deepest = 5;

/**
 * A value of a field, an error as a rule, that may quote what came in: `texts` are put out of all that is written of it. They are asked for
 * only when it is written.
 */
export class Withholding {
  readonly value: unknown;
  readonly texts: () => ReadonlySet<string>;
  constructor(value: unknown, texts: () => ReadonlySet<string>) {
    this.value = value;
    this.texts = texts;
  }
}

/** Fields as they may stand in an entry: under names of their own, none of them endless, none of them throwing. */
export function tame(fields: Fields = {}): Record<string, unknown> {
  const named = Object.keys(fields).map((name): [string, unknown] => [
    entryNames.has(name) ? `${name}_` : name,
    tried(() => written(name, fields[name]), unwritable),
  ]);
  // `fromEntries` defines own fields, whatever their names.
  return Object.fromEntries(named);
}

/** How a text is written. */
type Say = (text: string) => string;

function written(name: string, value: unknown): unknown {
  let told = value;
  let say: Say = short;
  if (value instanceof Withholding) {
    const put = putOut(value.texts());
    say = (text) => short(put(text));
    told = value.value;
  }
  return name === "error" ? describeError(told, say) : plain(told, say);
}

/** A text of at most 8,192 characters, with its length where it was longer; addresses of mail and what opens doors are left out. */
export const short: Say = (text) =>
  text.length > longest ? `${masked(shortened(text, longest))}… (${String(text.length)} characters)` : masked(text);

/** What JSON can hold; objects that would be too long become a piece of their JSON. */
function plain(value: unknown, say: Say): unknown {
  if (typeof value === "string") return say(value);
  if (typeof value === "bigint" || typeof value === "symbol") return say(String(value));
  if (typeof value !== "object" || value === null) return value;
  // Proof: `stringify` gives undefined where `toJSON` does.
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined || json.length > longest
    ? say(String(json))
    : JSON.parse(json, (_, inner: unknown) => (typeof inner === "string" ? say(inner) : inner));
}

export interface ErrorText {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorText | string;
}

function describeError(error: unknown, say: Say, depth = 1): ErrorText | string {
  if (!tried(() => error instanceof Error, false)) return tried(() => say(String(error)), unwritable);
  // Proof: the line above; what reading a field of it does is guarded below.
  const { read } = reader(error as Error);
  const code = read("code");
  const stack = read("stack");
  const cause = read("cause");
  const textOf = (value: unknown): string => tried(() => say(String(value)), unwritable);
  return {
    name: textOf(read("name")),
    message: textOf(read("message")),
    ...(typeof code === "string" ? { code: say(code) } : {}),
    ...(typeof stack === "string" ? { stack: say(stack) } : {}),
    ...(cause === undefined || depth >= deepest ? {} : { cause: describeError(cause, say, depth + 1) }),
  };
}

/** Fields of something that may be a proxy, or have getters that throw. */
const reader = (from: object) => ({
  read: (name: string): unknown => tried((): unknown => Reflect.get(from, name), unwritable),
});

function tried<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
