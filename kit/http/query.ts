/** Queries that are not valid percent-encoded UTF-8. The router may not throw: nobody would catch it. */
const malformed = new WeakSet<object>();

/** Repeated names become lists. */
export function parseQuery(text: string): Record<string, string | string[]> {
  if (text === "") return {};
  const query = new Map<string, string | string[]>();
  let valid = true;
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part.replaceAll("+", " "));
    } catch {
      valid = false;
      return "";
    }
  };
  for (const part of text.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = decode(at < 0 ? part : part.slice(0, at));
    const value = at < 0 ? "" : decode(part.slice(at + 1));
    const before = query.get(name);
    query.set(name, before === undefined ? value : [...(typeof before === "string" ? [before] : before), value]);
  }
  // `fromEntries` defines own fields, whatever their names.
  const fields = Object.fromEntries(query);
  if (!valid) malformed.add(fields);
  return fields;
}

export const isMalformedQuery = (query: unknown): boolean =>
  typeof query === "object" && query !== null && malformed.has(query);
