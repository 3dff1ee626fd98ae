/** Only 16 digits and exponents of three are ever changed by reading them; `1e-400` is read as 0. */
const mayLoseDigits = /\d(?:\.?\d){15}|\d[eE][+-]?\d{3,}(?:[\s,\]}]|$)/;

/**
 * `JSON.parse` that changes no whole number in silence: what `exactNumber` cannot keep, such as 9007199254740993, becomes NaN, which no schema admits.
 * Throws a `SyntaxError` where the text is no JSON.
 */
export const parseExactJson = (text: string): unknown => parseNumbers(text, exactNumber);

/** `JSON.parse` whose value `JSON.stringify` writes with all the digits that its whole numbers had. */
export const parseKeepingDigits = (text: string): unknown =>
  parseNumbers(text, (source) => {
    const value = Number(source);
    return Number.isNaN(exactNumber(source)) ? rawJson(source) : value;
  });

function parseNumbers(text: string, read: (source: string) => unknown): unknown {
  if (!mayLoseDigits.test(text)) return JSON.parse(text);
  const revive = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
    typeof value === "number" && source !== undefined ? read(source) : value;
  // Proof: the third argument has the text of a primitive (ECMA-262, JSON.parse); TypeScript's library does not know it yet.
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

// Proof: TypeScript's library does not know it yet (ECMA-262, JSON.rawJSON).
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/**
 * The number that a text of JSON's grammar stands for. NaN where it is a whole number that would be written again with another value, a fraction that
 * would become a whole number, or beyond all doubles. A fraction that stays one is the nearest double.
 */
export function exactNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) return Number.NaN;
  if (!Number.isInteger(value)) return value;
  const given = decimal(text);
  const kept = decimal(String(value));
  return given.digits === kept.digits && given.exponent === kept.exponent ? value : Number.NaN;
}

/** An absolute value as `digits` times ten to the power of `exponent`, without zeros at either end of the digits: equal values have equal parts. */
function decimal(text: string): { readonly digits: string; readonly exponent: number } {
  const [, whole = "", fraction = "", power = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = whole + fraction;
  let [start, end] = [0, all.length];
  // Loops: a pattern of zeros at the end takes quadratic time.
  while (end > 0 && all[end - 1] === "0") end -= 1;
  while (start < end && all[start] === "0") start += 1;
  const digits = all.slice(start, end);
  return { digits, exponent: digits === "" ? 0 : Number(power) - fraction.length + all.length - end };
}
