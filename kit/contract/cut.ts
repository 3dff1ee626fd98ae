import type { TSchema } from "typebox";
import { jsonSchema, plain, type JsonSchema } from "./json-schema.ts";
import { compile } from "./validator.ts";

type Cut = (value: unknown) => unknown;

/**
 * JSON text of a value cut to its schema: what the schema does not name never leaves. Throws, naming the field, when the value does not fit:
 * that is a fault of the service, not of its caller.
 */
export function cutter(schema: TSchema): (value: unknown) => string {
  const { check, errors } = compile(schema, { open: true });
  const cut = cutOf(plain(jsonSchema(schema)));
  return (value) => {
    if (!check(value)) {
      const [first] = errors(value);
      throw new Error(
        `What was to be sent does not fit its contract: ${first?.field === "" ? "the value" : (first?.field ?? "it")} ${first?.message ?? ""}.`,
      );
    }
    return JSON.stringify(cut(value));
  };
}

const same: Cut = (value) => value;

function cutOf({ properties, patternProperties, items, anyOf }: JsonSchema): Cut {
  if (properties !== undefined) {
    const parts = Object.entries(properties).map(([name, child]): readonly [string, Cut] => [name, cutOf(child)]);
    return (value) => {
      // Proof: checked to be an object before anything is cut.
      const from = value as Readonly<Record<string, unknown>>;
      const to: Record<string, unknown> = {};
      for (const [name, inner] of parts) {
        const part = from[name];
        if (part !== undefined) to[name] = inner === same ? part : inner(part);
      }
      return to;
    };
  }
  const [values] = Object.values(patternProperties ?? {});
  if (values !== undefined) {
    const inner = cutOf(values);
    if (inner === same) return same;
    // Proof: checked to be an object before anything is cut.
    return (value) =>
      Object.fromEntries(
        Object.entries(value as Readonly<Record<string, unknown>>).map(([name, part]) => [name, inner(part)]),
      );
  }
  if (items !== undefined) {
    const inner = cutOf(items);
    if (inner === same) return same;
    return (value) => (value as readonly unknown[]).map(inner); // Proof: checked to be an array before anything is cut.
  }
  if (anyOf !== undefined) {
    // Proof: `compile` reads JSON Schema; the parts of a union are schemas.
    const branches = anyOf.map((branch) => ({
      fits: compile(branch as TSchema, { open: true }).check,
      cut: cutOf(branch),
    }));
    if (branches.every(({ cut }) => cut === same)) return same;
    return (value) => (branches.find(({ fits }) => fits(value))?.cut ?? same)(value);
  }
  return same;
}
