import type { TSchema } from "typebox";
import type { JsonSchema } from "./json-schema.ts";

type Change = (value: unknown) => unknown;
type Check = (value: unknown) => boolean;

/**
 * Writes the UUIDs of a value in lower case, so that one id has one spelling (RFC 9562 section 4: case-insensitive on input). Undefined where the schema
 * names none. A value that changes is copied.
 */
export function normaliser(schema: JsonSchema, checkOf: (branch: TSchema) => Check): Change | undefined {
  const { format, properties, patternProperties, items, anyOf } = schema;
  if (format === "uuid") return (value) => (typeof value === "string" ? value.toLowerCase() : value);
  if (properties !== undefined) {
    const changes = Object.entries(properties).flatMap(([name, part]) => {
      const change = normaliser(part, checkOf);
      return change === undefined ? [] : [{ name, change }];
    });
    return changes.length === 0 ? undefined : ofFields(changes);
  }
  const [values] = Object.values(patternProperties ?? {});
  const inner = values === undefined ? undefined : normaliser(values, checkOf);
  if (inner !== undefined)
    return (value) =>
      isObject(value) ? ofFields(Object.keys(value).map((name) => ({ name, change: inner })))(value) : value;
  const item = items === undefined ? undefined : normaliser(items, checkOf);
  if (item !== undefined)
    return (value) => {
      if (!Array.isArray(value)) return value;
      const given: readonly unknown[] = value;
      const changed = given.map(item);
      return changed.every((each, at) => each === given[at]) ? given : changed;
    };
  if (anyOf === undefined) return undefined;
  const branches = anyOf.map((branch) => ({ branch, change: normaliser(branch, checkOf) }));
  if (branches.every(({ change }) => change === undefined)) return undefined;
  // Proof: the parts of a schema are schemas.
  const checked = branches.map(({ branch, change }) => ({ fits: checkOf(branch as TSchema), change }));
  return (value) => checked.find(({ fits }) => fits(value))?.change?.(value) ?? value;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const ofFields =
  (changes: readonly { readonly name: string; readonly change: Change }[]): Change =>
  (value) => {
    if (!isObject(value)) return value;
    let copy: Record<string, unknown> | undefined;
    for (const { name, change } of changes) {
      if (!Object.hasOwn(value, name)) continue;
      const changed = change(value[name]);
      if (changed === value[name]) continue;
      copy ??= { ...value };
      // A name such as `__proto__` stays an own field.
      Object.defineProperty(copy, name, { value: changed, enumerable: true, configurable: true, writable: true });
    }
    return copy ?? value;
  };
