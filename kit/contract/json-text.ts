/** As many digits as 2^53 has. */
const mayLoseDigits = /\d{16}/;

/**
 * `JSON.parse` that rounds no whole number in silence: one whose digits a number does not hold, such as 9007199254740993, becomes NaN, which no
 * schema admits. Throws a `SyntaxError` where the text is no JSON.
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

/** The number that a text of JSON's grammar stands for; NaN where it is written as a whole number and would come back with other digits. */
export function exactNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  const [, whole] = /^(-?\d+)(?:\.0+)?$/.exec(text) ?? [];
  return whole === undefined || String(value) === whole ? value : Number.NaN;
}
