/** Values that may stand in a log: ids, names, counts; `error` is written with its chain of causes. Never bodies. */
export type Fields = Readonly<Record<string, unknown>>;

/** Names that an entry has itself: a field of that name stands under `name_`. */
const entryNames = new Set(["level", "time", "msg"]);
/** Characters of one value. */
const longest = 8_192;
const unwritable = "(cannot be written)";
/** Causes of causes; a cycle ends here, too. */
const deepest = 5;

/** Fields as they may stand in an entry: under names of their own, none of them endless, none of them throwing. */
export function tame(fields: Fields = {}): Record<string, unknown> {
  const named = Object.keys(fields).map((name): [string, unknown] => [
    entryNames.has(name) ? `${name}_` : name,
    tried(() => (name === "error" ? describeError(fields[name]) : plain(fields[name])), unwritable),
  ]);
  // `fromEntries` defines own fields, whatever their names.
  return Object.fromEntries(named);
}

/** A text of at most 8,192 characters, with its length where it was longer. */
export const short = (text: string): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${String(text.length)} characters)` : text;

/** What JSON can hold; objects that would be too long become a piece of their JSON. */
function plain(value: unknown): unknown {
  if (typeof value === "string") return short(value);
  if (typeof value === "bigint" || typeof value === "symbol") return short(String(value));
  if (typeof value !== "object" || value === null) return value;
  // Proof: `stringify` gives undefined where `toJSON` does.
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined || json.length > longest ? short(String(json)) : JSON.parse(json);
}

export interface ErrorText {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorText | string;
}

function describeError(error: unknown, depth = 1): ErrorText | string {
  if (!tried(() => error instanceof Error, false)) return tried(() => short(String(error)), unwritable);
  // Proof: the line above; what reading a field of it does is guarded below.
  const { read } = reader(error as Error);
  const code = read("code");
  const stack = read("stack");
  const cause = read("cause");
  return {
    name: textOf(read("name")),
    message: textOf(read("message")),
    ...(typeof code === "string" ? { code: short(code) } : {}),
    ...(typeof stack === "string" ? { stack: short(stack) } : {}),
    ...(cause === undefined || depth >= deepest ? {} : { cause: describeError(cause, depth + 1) }),
  };
}

/** Fields of something that may be a proxy, or have getters that throw. */
const reader = (from: object) => ({
  read: (name: string): unknown => tried((): unknown => Reflect.get(from, name), unwritable),
});
const textOf = (value: unknown): string => tried(() => short(String(value)), unwritable);

function tried<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
