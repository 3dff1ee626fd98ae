import { foreignStore, StoreGate } from "../sql/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { names } from "./kit-collections.ts";

export interface GatedEngine {
  /** Refuses everything with `kit/unavailable` while the store is not the one that was opened. */
  readonly engine: DocumentEngine;
  /** As a store's `check`. */
  check(): Promise<string | undefined>;
}

/** Looks after an engine: is it the store of this id, and can it be used? */
export function gated(raw: DocumentEngine, id: string): GatedEngine {
  const gate = new StoreGate();
  const through = <A extends readonly unknown[], R>(work: (...given: A) => Promise<R>) => {
    return (...given: A): Promise<R> => {
      const refused = gate.refusal();
      return refused === undefined ? work(...given) : Promise.reject(refused);
    };
  };
  return {
    engine: {
      name: raw.name,
      scans: raw.scans,
      ensure: through((collections) => raw.ensure(collections)),
      apply: through((steps) => raw.apply(steps)),
      get: through((collection, one) => raw.get(collection, one)),
      insert: through((collection, list) => raw.insert(collection, list)),
      replace: through((collection, one, version) => raw.replace(collection, one, version)),
      remove: through((collection, ids, version) => raw.remove(collection, ids, version)),
      find: through((collection, find) => raw.find(collection, find)),
      count: through((collection, where, most) => raw.count(collection, where, most)),
      commitMs: () => raw.commitMs(),
      close: () => raw.close(),
    },
    async check() {
      const { gone, fault } = (await raw.check?.()) ?? {};
      gate.shut = gone ?? foreignStore((await raw.get(names.store, "store"))?.["id"], id);
      return gate.shut ?? fault;
    },
  };
}
