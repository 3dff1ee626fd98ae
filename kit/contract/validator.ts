import type { TSchema } from "typebox";
import { Compile } from "typebox/schema";
import { mediaTypesOf } from "./bytes.ts";
import { exactNumber } from "./json-text.ts";
import { closed, datable, isUnknown, jsonSchema, plain, watched, type JsonSchema } from "./json-schema.ts";
import { normaliser } from "./normalise.ts";

export interface FieldError {
  readonly in: "body" | "query" | "params" | "headers";
  /** JSON pointer (RFC 6901); empty for the whole value. */
  readonly field: string;
  readonly rule: string;
  readonly message: string;
}

export interface Validator {
  check(value: unknown): boolean;
  /** At most 20; only asked for after `check` said no. `in` is "body" until the caller says better. */
  errors(value: unknown): readonly FieldError[];
  /** A valid value with its UUIDs in lower case (RFC 9562 section 4); the same object where nothing changes. */
  normalise(value: unknown): unknown;
}

/** Deeper values are refused where the schema says no more than "unknown". */
export const maxDepth = 32;
const maxErrors = 20;

const anyBytes: Validator = {
  normalise: (value) => value,
  check: (value) => value instanceof Uint8Array && value.length > 0,
  errors: () => [{ in: "body", field: "", rule: "required", message: "must be bytes, at least one" }],
};

const compiledBefore = { open: new WeakMap<TSchema, Validator>(), closed: new WeakMap<TSchema, Validator>() };

/**
 * Compiles a schema, once in a process: whoever serves it, calls it or hears of it shares the validator. Closed: unknown fields are refused at every
 * object level, unless the schema itself says otherwise.
 */
export function compile(schema: TSchema, { open }: { readonly open: boolean }): Validator {
  const before = open ? compiledBefore.open : compiledBefore.closed;
  const known = before.get(schema);
  if (known !== undefined) return known;
  const made = compileNow(schema, open);
  before.set(schema, made);
  return made;
}

function compileNow(schema: TSchema, open: boolean): Validator {
  if (mediaTypesOf(schema) !== undefined) return anyBytes;
  const form = plain(jsonSchema(schema));
  const watchedForm = watched(form, (value) => findInexact(value));
  const compiled = Compile(datable(open ? watchedForm : closed(watchedForm)));
  const mayBeDeep = hasUnknown(form);
  return {
    check: (value) => compiled.Check(value) && !(mayBeDeep && tooDeep(value, maxDepth)),
    errors(value) {
      const found = new Map<string, FieldError>();
      const add = (field: string, rule: string, message: string) => {
        const key = `${field} ${rule}`;
        if (found.size < maxErrors && !found.has(key)) found.set(key, { in: "body", field, rule, message });
      };
      for (const { keyword, instancePath, params, message } of compiled.Errors(value)[1]) {
        if (keyword === "not") add(instancePath, "format", "must have no leap second (:60) and no zone in brackets");
        else if (keyword === "boolean") add(instancePath, "unknown", "is not a field of this contract");
        else if (keyword === "required" && "requiredProperties" in params && Array.isArray(params.requiredProperties)) {
          for (const name of params.requiredProperties)
            add(`${instancePath}/${pointer(String(name))}`, "required", "is required");
        } else if (keyword === "~refine") add(`${instancePath}${message}`, "exact", inexact);
        else if (isNotFinite(valueAt(value, instancePath))) add(instancePath, "exact", inexact);
        else if (keyword !== "additionalProperties") add(instancePath, keyword, message);
      }
      if (found.size === 0 && mayBeDeep && tooDeep(value, maxDepth))
        add("", "depth", `is nested deeper than ${String(maxDepth)} levels`);
      return [...found.values()];
    },
    normalise: normaliser(form, (branch) => compile(branch, { open }).check) ?? ((value) => value),
  };
}

const inexact = `is no number that is kept exactly: beyond ${String(Number.MAX_SAFE_INTEGER)} numbers lose digits, and text does not`;
const isNotFinite = (value: unknown): boolean => typeof value === "number" && !Number.isFinite(value);

/** The pointer of a number that JSON has not, or that `parseExactJson` found inexact; undefined where there is none. */
function findInexact(value: unknown, at = "", left = maxDepth): string | undefined {
  if (typeof value === "bigint" || isNotFinite(value)) return at;
  // Deeper values are refused for their depth.
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || left === 0) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = findInexact(inner, `${at}/${pointer(name)}`, left - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function valueAt(value: unknown, path: string): unknown {
  let inner = value;
  for (const name of path.split("/").slice(1)) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = Reflect.get(inner, name.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return inner;
}

export const pointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

function hasUnknown(schema: JsonSchema): boolean {
  const { properties = {}, patternProperties = {}, items, anyOf = [] } = schema;
  return (
    isUnknown(schema) ||
    [
      ...Object.values(properties),
      ...Object.values(patternProperties),
      ...(items === undefined ? [] : [items]),
      ...anyOf,
    ].some(hasUnknown)
  );
}

function tooDeep(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => tooDeep(inner, left - 1));
}

/** NUL and lone surrogates are valid JSON, but no text that every store can hold. Finds the first string or key that has them. */
export function findBadText(value: unknown, at = ""): FieldError | undefined {
  if (typeof value === "string") {
    return isBad(value)
      ? { in: "body", field: at, rule: "text", message: "holds NUL or half a surrogate pair" }
      : undefined;
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const field = `${at}/${pointer(name)}`;
    if (isBad(name))
      return { in: "body", field, rule: "text", message: "is a name that holds NUL or half a surrogate pair" };
    const found = findBadText(inner, field);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isBad = (text: string): boolean => text.includes("\u0000") || !text.isWellFormed();

type Text = string | readonly string[] | undefined;

/** Params, query and headers come as text: numbers and booleans are read where the schema says so; what cannot be read stays as it is. */
export function convert(schema: TSchema, raw: Readonly<Record<string, Text>>): Record<string, unknown> {
  const { properties = {} } = jsonSchema(schema);
  const value: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(raw)) {
    if (text === undefined) continue;
    const part = properties[name];
    const converted = part === undefined ? text : convertOne(part, text);
    // A name such as `__proto__` must stay an own field, so that the validator sees it.
    Object.defineProperty(value, name, { value: converted, enumerable: true, configurable: true, writable: true });
  }
  return value;
}

function convertOne(schema: JsonSchema, text: string | readonly string[]): unknown {
  if (schema.type === "array")
    return (typeof text === "string" ? [text] : text).map((item) => scalar(schema.items ?? {}, item));
  return typeof text === "string" ? scalar(schema, text) : text;
}

function scalar({ type, anyOf }: JsonSchema, text: string): unknown {
  const types = new Set([type, ...(anyOf ?? []).map((part) => part.type)]);
  if ((types.has("integer") || types.has("number")) && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text))
    return exactNumber(text);
  if (types.has("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}
