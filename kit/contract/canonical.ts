/**
 * JSON whose text does not depend on the order in which names were written (RFC 8785): for the same value the same text. What JSON has no form for is left out
 * or null, as in `JSON.stringify`; undefined becomes the empty text, bytes their base64.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"`;
  if (hasToJson(value)) return canonicalJson(value.toJSON());
  let text = "";
  if (Array.isArray(value)) {
    for (const each of value) text += `${text === "" ? "" : ","}${canonicalJson(each) || "null"}`;
    return `[${text}]`;
  }
  // Proof: an object; what its fields hold is looked at one by one.
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(fields).toSorted()) {
    const field = canonicalJson(fields[name]);
    if (field !== "") text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${field}`;
  }
  return `{${text}}`;
}

const hasToJson = (value: object): value is { toJSON(): unknown } =>
  "toJSON" in value && typeof value.toJSON === "function";
