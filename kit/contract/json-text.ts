/** As many digits as 2^53 has. */
const mayLoseDigits = /\d{16}/;

/**
 * `JSON.parse` that rounds no whole number in silence: one whose digits a number does not hold, such as 9007199254740993, becomes NaN, which no
 * schema admits. Throws a `SyntaxError` where the text is no JSON.
 */
export const parseExactJson = (text: string): unknown =>
  // Proof: the third argument is the source text of a primitive (ECMA-262, JSON.parse); the library's types do not know it yet.
  mayLoseDigits.test(text) ? JSON.parse(text, exact as (key: string, value: unknown) => unknown) : JSON.parse(text);

const exact = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value === "number" && source !== undefined ? exactNumber(source) : value;

/** The number that a text of JSON's grammar stands for; NaN where it is written as a whole number and would come back with other digits. */
export function exactNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  const [, whole] = /^(-?\d+)(?:\.0+)?$/.exec(text) ?? [];
  return whole === undefined || String(value) === whole ? value : Number.NaN;
}
