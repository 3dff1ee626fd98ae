import type { TSchema } from "typebox";
import { marked } from "../runtime/index.ts";
import { jsonSchema, type JsonSchema } from "./json-schema.ts";

/** Declares that the values of a field may stand in logs: an SKU, a name of a model. Never what a person typed about a person. */
export const loggable = <S extends TSchema>(schema: S): S => marked(schema, "x-loggable");

/** What has one of these formats is an id or a time. */
const plainFormats = ["uuid", "date", "time", "date-time", "duration"];
/** Shorter texts and numbers say too little to be told apart from words of a sentence. */
const shortest = { text: 4, number: 6 };

/**
 * Texts of a value that may not stand in logs: all but what the schema says is `loggable`, an id, a time, or one of the values that it lists. What a field
 * marked `secret` has counts however short it is. A value may be one that does not fit its schema.
 */
export function privateTexts(schema: TSchema | undefined, value: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  collect(schema === undefined ? {} : jsonSchema(schema), value, found);
  return found;
}

function collect(schema: JsonSchema, value: unknown, found: Set<string>): void {
  if (typeof value === "string" || typeof value === "number") {
    const text = String(value);
    const long = text.length >= shortest[typeof value === "string" ? "text" : "number"];
    if (text !== "" && (schema["writeOnly"] === true || (long && !maySay(schema, value)))) found.add(text);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (schema.anyOf !== undefined) {
    for (const child of schema.anyOf) collect(child, value, found);
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(schema.items ?? {}, item, found);
    return;
  }
  const others = Object.values(schema.patternProperties ?? {})[0];
  for (const [name, inner] of Object.entries(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
    // The names of a record's fields are data, as its values are.
    if (!known && name.length >= shortest.text) found.add(name);
    collect((known ? schema.properties?.[name] : others) ?? {}, inner, found);
  }
}

function maySay(schema: JsonSchema, value: string | number): boolean {
  const { format = "", anyOf, enum: values } = schema;
  return (
    schema["x-loggable"] === true ||
    schema.const === value ||
    values?.includes(value) === true ||
    (plainFormats.includes(format) && idOrTime.test(String(value))) ||
    anyOf?.some((child) => maySay(child, value)) === true
  );
}

const idOrTime = /^[\dA-Fa-fTZPYMWDHS:+.,-]{1,40}$/;
