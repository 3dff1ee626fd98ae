import path from "node:path";
import { keyClock, type KnownStore, type Store } from "../messaging/index.ts";
import type { StorePlace, StoreSpec } from "../service/index.ts";
import { Derivation, secretBytes } from "../runtime/index.ts";
import { LaneMeter, whenMissing } from "../sql/index.ts";
import { noMetrics } from "../telemetry/index.ts";
import type { Collections, DocumentAccess } from "./access.ts";
import { collectionFaults } from "./collection.ts";
import { embeddedDocuments } from "./embedded.ts";
import type { DocumentEngine, Index } from "./engine.ts";
import { gated } from "./gated.ts";
import { kitCollections, names, ownIndexes } from "./kit-collections.ts";
import { mongoDocuments } from "./mongodb.ts";
import { settleAll } from "./sweep.ts";
import { DocumentStore } from "./store.ts";

/** A store of documents, declared: `docs` reads the collections, and a collection's `one` makes handlers that change a document of it. */
export function documents<const C extends Collections>({
  collections,
}: {
  readonly collections: C;
}): StoreSpec<DocumentAccess<C>> {
  return {
    engine: "documents",
    collections: Object.values(collections).map(({ name }) => name),
    faults: () => collectionFaults(collections),
    async open(place) {
      const engine = await engineOf(place);
      // Proof: the access of this store is made from these very collections.
      return (await openDocuments(engine, place, collections)) as unknown as Store<DocumentAccess<C>>;
    },
  };
}

export async function openDocuments(
  engine: DocumentEngine,
  { runtime, known }: Pick<StorePlace, "runtime" | "known">,
  collections: Collections,
): Promise<DocumentStore> {
  const own: Record<string, readonly Index[]> = {};
  for (const { name, indexes } of Object.values(collections)) own[name] = [...indexes, ...ownIndexes];
  await engine.ensure({ ...kitCollections, ...own });
  await requireKnown(engine, known);
  // Whoever is first makes them, and all that open the store read the same.
  await engine.insert(names.store, [
    { _id: "store", version: 1, id: runtime.ids.uuidv7() },
    { _id: "secret", version: 1, secret: Buffer.from(runtime.random.bytes(secretBytes)).toString("base64") },
  ]);
  const storeId = String((await engine.get(names.store, "store"))?.["id"]);
  const secret = String((await engine.get(names.store, "secret"))?.["secret"]);
  const derivation = new Derivation(Buffer.from(secret, "base64"));
  const watched = gated(engine, storeId);
  const parts = {
    engine: watched.engine,
    runtime,
    keyClock: keyClock(runtime.clock),
    storeId,
    derivation,
    collections,
  };
  // What a crash has left is let out before anything new is.
  await settleAll({ ...parts, ring: () => {} }, [...Object.keys(own), names.keys], runtime.clock.now());
  return new DocumentStore(parts, watched.check);
}

/** Throws where the store is not the one that the data folder knows; asked before it gets an id. */
async function requireKnown(engine: DocumentEngine, known: KnownStore | undefined): Promise<void> {
  if (known?.id === undefined) return;
  const found = (await engine.get(names.store, "store"))?.["id"];
  if (found === undefined) throw known.refuse("The store is empty");
  if (found !== known.id) throw known.refuse(`The store is another one (${JSON.stringify(found)})`);
}

async function engineOf(place: StorePlace): Promise<DocumentEngine> {
  const { url, name, durability, known, runtime, metrics = noMetrics, onFatal } = place;
  const [scheme, rest] = [url.slice(0, url.indexOf(":")), url.slice(url.indexOf(":") + 1)];
  if (scheme === "sqlite") {
    const meter = new LaneMeter(metrics, name, runtime.clock);
    const file = path.join(rest, `${name}.db`);
    return embeddedDocuments({ file, durability, onMissing: whenMissing(known), runtime, meter, onFatal });
  }
  if (scheme === "mongodb" || scheme === "mongodb+srv") {
    // The path of the address is a prefix: every service has a database of its own.
    const prefix = new URL(url).pathname.slice(1);
    return mongoDocuments({ url, database: prefix === "" ? name : `${prefix}_${name}`, runtime });
  }
  throw new Error(`The document store "${scheme}" is not known: sqlite:<folder> and mongodb://… are.`);
}
