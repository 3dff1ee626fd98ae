/** Markup that is safe to send: made by the template alone. */
export interface Html {
  readonly markup: string;
}

type Part = string | number | Html | undefined | readonly Part[];

/**
 * A template whose values are escaped, in text and in quoted attributes alike; what it made itself goes in as it is, and `undefined` is nothing. The
 * template's own indentation is left out.
 */
export function html(texts: TemplateStringsArray, ...values: readonly Part[]): Html {
  const parts = texts.map((text) => text.replaceAll(/\n\s*/g, "\n"));
  return { markup: parts.map((text, at) => (at === 0 ? text : write(values[at - 1]) + text)).join("") };
}

function write(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return part.replaceAll(/[&<>"']/g, (found) => `&#${String(found.charCodeAt(0))};`);
  if ("markup" in part) return part.markup;
  return part.map(write).join("");
}

/** Parts with something between them. */
export const joined = (parts: readonly Html[], between: string | Html): Html => ({
  markup: parts.map(({ markup }) => markup).join(write(between)),
});
