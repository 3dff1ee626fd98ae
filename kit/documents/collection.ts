import { compile, jsonSchema, type TSchema, type Value } from "../contract/index.ts";
import type { DocumentBy } from "../service/index.ts";
import type { Index } from "./engine.ts";

/** A kind of documents, as a value. */
export interface Collection<S extends TSchema = TSchema> {
  readonly name: string;
  readonly schema: S;
  readonly indexes: readonly Index[];
  /** Names the document that a handler changes, by its id. What the handler sets, publishes and enqueues is one atomic write. */
  by<In>(name: (given: In) => string): DocumentBy<In, Value<S>>;
}

/** How a document of the running unit is opened: what a store of documents gives every handler under `kit`. */
export interface Opener {
  open(collection: string, id: string): Promise<Opened>;
}
export interface Opened {
  readonly id: string;
  readonly value: unknown;
  change(value: object | undefined): void;
}

/** Fields of every document, which a schema cannot have. */
export const reservedFields = ["_id", "version", "deleted", "deletedAt", "pending", "pendingAt"] as const;

export function collection<const S extends TSchema>(
  name: string,
  { schema, indexes = [] }: { readonly schema: S; readonly indexes?: readonly Index[] },
): Collection<S> {
  const validator = compile(schema, { open: false });
  return {
    name,
    schema,
    indexes,
    by: (nameOf) => ({
      collection: name,
      async open(kit, given) {
        const opened = await (kit as Opener).open(name, nameOf(given)); // Proof: `openDocuments` gives every unit its opener; `faults` refuses others.
        return {
          id: opened.id,
          get value() {
            // Proof: written by `set` alone, which checks it against the schema.
            return opened.value as Value<S> | undefined;
          },
          set(value) {
            const [wrong] = validator.check(value) ? [] : validator.errors(value);
            if (wrong !== undefined)
              throw new Error(`A document of ${name} cannot be that: ${wrong.field || "it"} ${wrong.message}.`);
            // A copy: what is committed is what was checked, whatever the handler does to its object later.
            opened.change(JSON.parse(JSON.stringify(value)) as object); // Proof: `collectionFaults` refuses schemas that are not objects.
          },
          delete: () => opened.change(undefined),
        };
      },
    }),
  };
}

/** What is wrong with collections, as sentences. */
export function collectionFaults(collections: Readonly<Record<string, Collection>>): readonly string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  for (const { name, schema, indexes } of Object.values(collections)) {
    const say = (fault: string) => faults.push(`the collection ${name}: ${fault}`);
    if (!/^[a-z][a-zA-Z0-9-]{0,60}$/.test(name) || name.startsWith("holdfast"))
      say("its name must be letters, digits and dashes, and not begin with holdfast.");
    if (names.has(name)) say("there are two of this name.");
    names.add(name);
    const { properties } = jsonSchema(schema);
    if (properties === undefined) say("its schema must be an object.");
    for (const field of reservedFields)
      if (properties !== undefined && field in properties) say(`the field ${field} is the kit's own.`);
    for (const { on } of indexes)
      for (const field of on) if (properties?.[field] === undefined) say(`an index names ${field}, which it has not.`);
  }
  return faults;
}
