import type { Static, TSchema } from "typebox";
import { Check } from "typebox/schema";

/** A setting: a string, integer, number, boolean or union of literals, with `default` and `description` in its options. */
export type FieldSchema = TSchema;
export type Settings<F extends Readonly<Record<string, FieldSchema>>> = { readonly [K in keyof F]: Static<F[K]> };

/** Marks a setting, or a field of a contract, that is never shown. */
export const secret = <S extends TSchema>(schema: S): S => marked(schema, "writeOnly");

/**
 * Marks a setting whose `default` is for development only. In production its default is `production`; without one it must be set.
 * @example developmentDefault(t.Boolean({ default: true }), { production: false })
 */
export const developmentDefault = <S extends TSchema>(
  schema: S,
  inProduction: { readonly production?: unknown } = {},
): S => marked(schema, "inProduction", inProduction);

/** The schema with one more keyword. A copy by spread would lose what TypeBox keeps where JSON does not see it. */
export function marked<S extends TSchema>(schema: S, keyword: string, value: unknown = true): S {
  const marks = { ...Object.getOwnPropertyDescriptors(schema), [keyword]: { value, enumerable: true } };
  return Object.defineProperties({}, marks) as S; // Proof: all that `schema` has, and a keyword that no type names.
}

/** What is wrong with settings of which each is right by itself, as sentences; `name` gives how one is set, for whoever reads them. */
export type ConfigFaults<Values> = (values: Values, name: (field: string) => string) => readonly string[];

export interface ConfigSection {
  /** `orders`; empty for the settings of the process itself. */
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldSchema>>;
  /** Asked when nothing is wrong with any of the section's settings alone. */
  readonly faults?: ConfigFaults<never> | undefined;
}

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * `--data=…`, `--orders.max-lines=3`; a flag beats the environment. `--processes` is short for `--processes=true`, for booleans only; nothing
   * is turned off but by `=false`. An empty value is one: the empty string, here and in the environment.
   */
  readonly flags?: readonly string[];
  /** Names beginning with HOLDFAST_ that are not settings. */
  readonly known?: readonly string[];
  /** Whether the defaults are those of production, see `developmentDefault`. @default false */
  readonly production?: boolean;
}

export interface LoadedConfig {
  /** Validated values of a section. */
  section(name: string): Readonly<Record<string, unknown>>;
  /** Every setting, where it was set, and its value, secrets masked. */
  readonly settings: readonly { readonly name: string; readonly from: string; readonly value: string }[];
}

/** Every wrong setting at once. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The settings are not right:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
    this.name = "ConfigError";
    this.faults = faults;
  }
}

const words = (field: string) => field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const envName = (section: string, field: string) =>
  ["HOLDFAST", ...(section === "" ? [] : [section]), words(field)].join("_").replaceAll("-", "_").toUpperCase();
const flagName = (section: string, field: string) => `--${section === "" ? "" : `${section}.`}${words(field)}`;

const nameOf = (section: string, field: string) => `${envName(section, field)} (or ${flagName(section, field)})`;

/** Throws one ConfigError that lists everything wrong: bad values, missing ones, what does not go together, names that nothing knows. */
export function loadConfig(
  sections: readonly ConfigSection[],
  { env, flags = [], known = [], production = false }: ConfigSources,
): LoadedConfig {
  const faults: string[] = [];
  const values = new Map<string, Record<string, unknown>>();
  const settings: { name: string; from: string; value: string }[] = [];
  const given = new Map<string, string | undefined>();
  for (const flag of flags) {
    const at = flag.indexOf("=");
    const name = at < 0 ? flag : flag.slice(0, at);
    if (given.has(name)) faults.push(`${name} is given twice.`);
    given.set(name, at < 0 ? undefined : flag.slice(at + 1));
  }
  const names = new Set<string>(known);
  const flagNames = new Set<string>();
  for (const { name: section, fields, faults: together } of sections) {
    const before = faults.length;
    const out: Record<string, unknown> = {};
    for (const [field, schema] of Object.entries(fields)) {
      const variable = envName(section, field);
      const flag = flagName(section, field);
      if (names.has(variable)) faults.push(`${variable} is the name of two settings, or of something else, too.`);
      names.add(variable);
      flagNames.add(flag);
      const bare = given.has(flag) && given.get(flag) === undefined;
      if (bare && !isBoolean(schema)) {
        faults.push(`${flag} is given without a value: write ${flag}=….`);
        continue;
      }
      const fromFlag = bare ? "true" : given.get(flag);
      const text = fromFlag ?? env[variable];
      const from = fromFlag !== undefined ? flag : text !== undefined ? variable : "default";
      const fallback = defaultOf(schema, production);
      const value = text === undefined ? fallback : parse(schema, text);
      const hidden = "writeOnly" in schema && schema.writeOnly === true;
      const shown = hidden ? "(secret)" : JSON.stringify(value);
      if (value === undefined && !("~optional" in schema))
        faults.push(
          `${nameOf(section, field)} is not set${"inProduction" in schema ? ", and in production it has no default" : ""}: ${wanted(schema)}.`,
        );
      else if (value !== undefined && !Check(schema, value)) faults.push(`${from} is ${shown}: ${wanted(schema)}.`);
      out[field] = value;
      settings.push({
        name: section === "" ? field : `${section}.${field}`,
        from,
        value: value === undefined ? "" : shown,
      });
    }
    // Proof: each of them fits its schema, and these are their values.
    if (faults.length === before) faults.push(...(together?.(out as never, (field) => nameOf(section, field)) ?? []));
    values.set(section, out);
  }
  for (const variable of Object.keys(env)) {
    if (variable.startsWith("HOLDFAST_") && !names.has(variable))
      faults.push(`${variable} is not a setting${nearest(variable, names)}.`);
  }
  for (const flag of given.keys()) {
    if (flagNames.has(flag)) continue;
    const positive = flag.replace(/^--no-/, "--");
    const hint = positive !== flag && flagNames.has(positive) ? `; write ${positive}=false` : nearest(flag, flagNames);
    faults.push(`${flag} is not a setting${hint}.`);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return { settings, section: (name) => values.get(name) ?? {} };
}

/** The settings as a table of text: name, value, where it was set. */
export function configTable({ settings }: LoadedConfig): string {
  const width = Math.max(...settings.map(({ name }) => name.length));
  return settings.map(({ name, value, from }) => `${name.padEnd(width)}  ${value}  (${from})`).join("\n");
}

/** The default of a setting; undefined where it has none. */
export function defaultOf(schema: FieldSchema, production: boolean): unknown {
  const marks: { readonly default?: unknown; readonly inProduction?: { readonly production?: unknown } } = schema;
  return production && marks.inProduction !== undefined ? marks.inProduction.production : marks.default;
}

const typeOf = (schema: FieldSchema): unknown => ("type" in schema ? schema.type : undefined);
const isBoolean = (schema: FieldSchema): boolean => typeOf(schema) === "boolean";

/** What does not read as its type stays text, which no schema of that type takes. */
function parse(schema: FieldSchema, text: string): unknown {
  const type = typeOf(schema);
  if (type === "integer" || type === "number") {
    const value = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    return Number.isFinite(value) ? value : text;
  }
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** Of a secret, only what its form says: a default, an example or a choice of values is one, too. */
const formOnly = ["type", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"];

function wanted(schema: FieldSchema): string {
  const { description, writeOnly, inProduction: _mode, ...rest }: Readonly<Record<string, unknown>> = { ...schema };
  const told =
    writeOnly === true ? Object.fromEntries(Object.entries(rest).filter(([name]) => formOnly.includes(name))) : rest;
  return `it must fit ${JSON.stringify(told)}${typeof description === "string" ? ` (${description})` : ""}`;
}

function nearest(name: string, names: ReadonlySet<string>): string {
  const ranked = [...names]
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .toSorted((a, b) => a.far - b.far);
  const [best] = ranked;
  return best === undefined || best.far > 4 ? "" : `; did you mean ${best.candidate}?`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of a.split("").entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split("").entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
