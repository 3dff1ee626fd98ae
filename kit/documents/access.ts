import type { TSchema, Value } from "../contract/index.ts";
import type { Collection, Opener } from "./collection.ts";
import type { Doc, DocumentEngine, Find, Scalar } from "./engine.ts";
import { stateOf, type DocumentTurn } from "./unit.ts";

export interface Found<T> {
  readonly id: string;
  readonly value: T;
}

/** A collection to read: advice in a unit, which decides on its own document only. */
export interface Reader<T> {
  /** Undefined for none and for a tombstone. */
  find(id: string): Promise<T | undefined>;
  /** In ascending order of `sort` and id; needs an index that begins with the fields of `where`, then those of `sort`. */
  list(how: {
    readonly where?: Find["where"];
    readonly sort?: readonly string[];
    /** Values of `sort` and the id of the last one that was seen; null where it had none. */
    readonly after?: Find["after"];
    readonly limit: number;
  }): Promise<readonly Found<T>[]>;
}

export type Collections = Readonly<Record<string, Collection>>;
export type Readers<C extends Collections> = {
  readonly [K in keyof C]: C[K] extends Collection<infer S extends TSchema> ? Reader<Value<S>> : never;
};

/** What a scope is built from: `docs` to read by, and under `kit` what opens the one document of a unit. */
export interface DocumentAccess<C extends Collections> {
  readonly docs: Readers<C>;
}

type Ask = <T>(ask: () => Promise<T>) => Promise<T>;

/** Through the turn of a unit, so that what was forgotten to be awaited is found. */
export const throughTurn =
  (turn: DocumentTurn): Ask =>
  <T>(ask: () => Promise<T>) =>
    turn.issue({ writes: false, ask }) as Promise<T>; // Proof: the answer to this very question.

export const directly: Ask = (ask) => ask();

export function accessTo(
  engine: Pick<DocumentEngine, "get" | "find">,
  collections: Collections,
  ask: Ask,
  opener: Opener,
): object {
  const docs: Record<string, Reader<unknown>> = {};
  for (const [field, { name }] of Object.entries(collections)) {
    docs[field] = {
      find: (id) => ask(async () => stateOf(await engine.get(name, id))),
      list: ({ where = {}, sort = [], after, limit }) =>
        ask(async () => {
          const found: Found<unknown>[] = [];
          let behind = after;
          // Tombstones are passed over, however many there are in a row.
          while (found.length < limit) {
            const rows = await engine.find(name, {
              where,
              sort,
              limit,
              ...(behind === undefined ? {} : { after: behind }),
            });
            for (const row of rows) {
              const value = stateOf(row);
              if (value !== undefined && found.length < limit) found.push({ id: row._id, value });
            }
            const last = rows.at(-1);
            if (last === undefined || rows.length < limit) break;
            behind = [...sort.map((name) => scalarOf(last, name)), last._id];
          }
          return found;
        }),
    };
  }
  return { docs, kit: opener };
}

function scalarOf(doc: Doc, field: string): Scalar | null {
  const value = doc[field];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
