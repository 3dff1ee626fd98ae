import type { TSchema } from "typebox";
import Format from "typebox/format";

/** The parts of JSON Schema 2020-12 that contracts are made of. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly [keyword: string]: unknown;
}

/** TypeBox schemas are JSON Schema already; the type only says which part of it the kit reads. */
export const jsonSchema = (schema: TSchema): JsonSchema => schema as JsonSchema; // Proof: TypeBox makes plain JSON Schema objects.

const kinds = new Set([
  "Object",
  "Array",
  "String",
  "Integer",
  "Number",
  "Boolean",
  "Null",
  "Literal",
  "Union",
  "Record",
  "Unknown",
  "Enum",
]);

/** What contracts may not contain, as sentences with the place. */
export function schemaFaults(schema: TSchema, at = ""): readonly string[] {
  const kind: unknown = Reflect.get(schema, "~kind");
  const place = at === "" ? "the schema" : at;
  if (typeof kind !== "string" || !kinds.has(kind))
    return [
      `${place} is of kind ${String(kind)}, which a contract cannot hold: JSON only, objects composed by spread.`,
    ];
  const faults: string[] = [];
  const { format, properties, items, anyOf, patternProperties } = jsonSchema(schema);
  if (format !== undefined && !Format.Has(format))
    faults.push(`${place} has the format "${format}", which is not registered.`);
  const inner = (child: JsonSchema, name: string) => faults.push(...schemaFaults(child, name));
  for (const [name, child] of Object.entries(properties ?? {})) inner(child, `${at}/${name}`);
  for (const child of Object.values(patternProperties ?? {})) inner(child, `${at}/*`);
  if (items !== undefined) inner(items, `${at}/items`);
  for (const [index, child] of (anyOf ?? []).entries()) inner(child, `${at}/${String(index)}`);
  return faults;
}

/** The schema with its parts replaced, inside out. */
function rebuilt(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const children = (map: Readonly<Record<string, JsonSchema>>) =>
    Object.fromEntries(Object.entries(map).map(([name, child]) => [name, rebuilt(child, change)]));
  return change({
    ...schema,
    ...(schema.properties === undefined ? {} : { properties: children(schema.properties) }),
    ...(schema.patternProperties === undefined ? {} : { patternProperties: children(schema.patternProperties) }),
    ...(schema.items === undefined ? {} : { items: rebuilt(schema.items, change) }),
    ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.map((child) => rebuilt(child, change)) }),
  });
}

/** Unknown fields are refused at every object that does not say otherwise. */
export const closed = (schema: JsonSchema): JsonSchema =>
  rebuilt(schema, (part) =>
    part.properties !== undefined && part.additionalProperties === undefined
      ? { ...part, additionalProperties: false }
      : part,
  );

/** Times that a Date holds, too: it has no leap seconds (RFC 3339 section 5.7), and no zones in brackets (RFC 9557). A contract has no other `not`. */
export const datable = (schema: JsonSchema): JsonSchema =>
  rebuilt(schema, (part) =>
    part.format === "date-time" || part.format === "time" ? { ...part, not: { pattern: String.raw`:60|\[` } } : part,
  );

/**
 * The form that is validated, and shown to people: unions of literals as `enum`, and whole numbers within what every store and every reader of JSON
 * holds exactly (RFC 8259 section 6).
 */
export const plain = (schema: JsonSchema): JsonSchema => rebuilt(schema, (part) => bounded(asEnum(part)));

function asEnum(part: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = part;
  if (anyOf === undefined || !anyOf.every((child) => child.const !== undefined)) return part;
  const types = new Set(anyOf.map((child) => child.type));
  const [type] = types;
  return {
    ...rest,
    ...(types.size === 1 && type !== undefined ? { type } : {}),
    enum: anyOf.map((child) => child.const),
  };
}

function bounded(part: JsonSchema): JsonSchema {
  if (part.type !== "integer" || part.const !== undefined || part.enum !== undefined) return part;
  const limit = (name: string, otherwise: number) => {
    const own = part[name];
    return typeof own === "number" ? own : otherwise;
  };
  const most = Number.MAX_SAFE_INTEGER;
  return {
    ...part,
    minimum: Math.max(limit("minimum", -most), -most),
    maximum: Math.min(limit("maximum", most), most),
  };
}

/** A part that says nothing of its type. */
export const isUnknown = ({ type, anyOf, enum: values, const: constant }: JsonSchema): boolean =>
  type === undefined && anyOf === undefined && values === undefined && constant === undefined;

const finding = (check: (value: unknown) => string | undefined): JsonSchema => ({
  "~refine": [{ check: (value: unknown) => check(value) === undefined, error: (value: unknown) => check(value) ?? "" }],
});

/** Where nothing is said of the type, `find` says by a JSON pointer what is wrong below; its error has the keyword `~refine` and the pointer as its message. */
export const watched = (schema: JsonSchema, find: (value: unknown) => string | undefined): JsonSchema =>
  rebuilt(schema, (part) => {
    if (isUnknown(part)) return { ...part, ...finding(find) };
    return part.additionalProperties === true ? { ...part, additionalProperties: finding(find) } : part;
  });
