import type { TSchema } from "typebox";
import { jsonSchema, plain, type JsonSchema } from "./json-schema.ts";
import { compile } from "./validator.ts";

interface Cut {
  /** Whether the value has the same text as what `cut` makes of it. Most are made as their contract says, and a copy would cost as much as the text. */
  readonly fits: (value: unknown) => boolean;
  readonly cut: (value: unknown) => unknown;
}

/**
 * JSON text of a value cut to its schema: what the schema does not name never leaves. Throws, naming the field, when the value does not fit:
 * that is a fault of the service, not of its caller.
 */
export function cutter(schema: TSchema): (value: unknown) => string {
  const { check, errors } = compile(schema, { open: true });
  const { fits, cut } = cutOf(plain(jsonSchema(schema)));
  return (value) => {
    if (!check(value)) {
      const [first] = errors(value);
      throw new Error(
        `What was to be sent does not fit its contract: ${first?.field === "" ? "the value" : (first?.field ?? "it")} ${first?.message ?? ""}.`,
      );
    }
    return JSON.stringify(fits(value) ? value : cut(value));
  };
}

const same: Cut = { fits: () => true, cut: (value) => value };

function cutOf({ properties, patternProperties, items, anyOf }: JsonSchema): Cut {
  if (properties !== undefined)
    return ofObject(Object.entries(properties).map(([name, child]) => ({ name, inner: cutOf(child) })));
  const [values] = Object.values(patternProperties ?? {});
  if (values !== undefined) {
    const inner = cutOf(values);
    if (inner === same) return same;
    return {
      fits: () => false,
      // Proof: checked to be an object before anything is cut.
      cut: (value) =>
        Object.fromEntries(
          Object.entries(value as Readonly<Record<string, unknown>>).map(([name, part]) => [name, inner.cut(part)]),
        ),
    };
  }
  if (items !== undefined) {
    const inner = cutOf(items);
    if (inner === same) return same;
    return {
      // Proof: checked to be an array before anything is cut.
      fits: (value) => !Object.hasOwn(value as object, "toJSON") && (value as readonly unknown[]).every(inner.fits),
      cut: (value) => (value as readonly unknown[]).map(inner.cut), // Proof: as above.
    };
  }
  if (anyOf !== undefined) {
    // Proof: `compile` reads JSON Schema; the parts of a union are schemas.
    const branches = anyOf.map((branch) => ({
      matches: compile(branch as TSchema, { open: true }).check,
      inner: cutOf(branch),
    }));
    if (branches.every(({ inner }) => inner === same)) return same;
    const branchOf = (value: unknown) => branches.find(({ matches }) => matches(value))?.inner ?? same;
    return { fits: (value) => branchOf(value).fits(value), cut: (value) => branchOf(value).cut(value) };
  }
  return same;
}

function ofObject(parts: readonly { readonly name: string; readonly inner: Cut }[]): Cut {
  return {
    fits(value) {
      // Proof: checked to be an object before anything is cut.
      const from = value as Readonly<Record<string, unknown>>;
      // Another prototype may have fields, or a `toJSON`, that are not among the names.
      if (Object.getPrototypeOf(from) !== Object.prototype || Object.hasOwn(from, "toJSON")) return false;
      let at = 0;
      for (const name in from) {
        const part = parts[at];
        if (part?.name !== name) return false;
        if (part.inner !== same && (from[name] === undefined || !part.inner.fits(from[name]))) return false;
        at += 1;
      }
      return at === parts.length;
    },
    cut(value) {
      // Proof: checked to be an object before anything is cut.
      const from = value as Readonly<Record<string, unknown>>;
      const to: Record<string, unknown> = {};
      for (const { name, inner } of parts) {
        const part = from[name];
        if (part !== undefined) to[name] = inner === same ? part : inner.cut(part);
      }
      return to;
    },
  };
}
