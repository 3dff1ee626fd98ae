import type { Document as BsonDocument, Filter, MongoClientOptions } from "mongodb";
import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { CommitTime } from "../sql/index.ts";
import type { Doc, DocumentEngine, Find, Scalar, Step, Where } from "./engine.ts";
import { mongoErrors, type Safely } from "./mongo-errors.ts";

export interface MongoOptions {
  /** `mongodb://user:password@host:port` */
  readonly url: string;
  /** One a service. */
  readonly database: string;
  readonly runtime: Runtime;
}

interface Stored extends BsonDocument {
  readonly _id: string;
  readonly version: number;
}

const connections = 64;
/** What is read was written by a majority, and a write has reached the journals of one. */
const options: MongoClientOptions = {
  readPreference: "primary",
  readConcern: { level: "majority" },
  writeConcern: { w: "majority", journal: true },
  // A write whose answer is lost is not repeated behind our back: who asked finds out by the version.
  retryWrites: false,
  maxPoolSize: connections,
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: 10_000,
  ignoreUndefined: true,
};
const duplicateKey = 11_000;
/** https://www.mongodb.com/docs/manual/reference/limits/#bson-documents */
const largestBytes = 16 * 1024 * 1024;

async function loadDriver() {
  try {
    return await import("mongodb");
  } catch (error) {
    throw new Error("MongoDB needs the package mongodb: npm install mongodb", { cause: error });
  }
}

/** MongoDB, or a server that speaks its protocol: single documents only, neither transactions nor sessions are used. */
export async function mongoDocuments({ url, database, runtime }: MongoOptions): Promise<DocumentEngine> {
  const driver = await loadDriver();
  const { MongoClient, MongoBulkWriteError, MongoServerError } = driver;
  const safely = mongoErrors(driver);
  let atWork = 0;
  const counted =
    (run: Safely): Safely =>
    async (work) => {
      atWork += 1;
      try {
        return await run(work);
      } finally {
        atWork -= 1;
      }
    };
  const [reading, writing] = [counted(safely.reading), counted(safely.writing)];
  const commitTime = new CommitTime();
  const client = new MongoClient(url, options);
  const db = client.db(database);
  const of = (collection: string) => db.collection<Stored>(collection);
  const insert = (collection: string, documents: readonly Doc[]) =>
    writing(async () => {
      if (documents.length === 0) return new Set<string>();
      const present = new Set<number>();
      try {
        await of(collection).insertMany(documents.map(toBson), { ordered: false });
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError)) throw error;
        const failed = [error.writeErrors].flat();
        // A lost connection comes in the same wrapping, without a word about any document.
        if (failed.length === 0) throw error.errorResponse instanceof Error ? error.errorResponse : error;
        if (error.result.getWriteConcernError() !== undefined) throw error;
        for (const { code, index } of failed) {
          if (code !== duplicateKey) throw error;
          present.add(index);
        }
      }
      return new Set(documents.flatMap(({ _id }, at) => (present.has(at) ? [] : [_id])));
    });
  const replace = (collection: string, document: Doc, version: number) =>
    writing(async () => {
      const bson = toBson(document);
      try {
        const { matchedCount } = await of(collection).replaceOne({ _id: document._id, version }, bson);
        return matchedCount === 1;
      } catch (error) {
        // The driver looks at the size of what is inserted only, and a server may just hang up.
        if (driver.BSON.calculateObjectSize(bson) <= largestBytes) throw error;
        throw new RangeError(`A document of ${collection} has become larger than the 16 MiB that MongoDB takes.`);
      }
    });
  const put = (collection: string, document: Doc, unless: string) =>
    writing(async () => {
      // A comparison with null finds what is absent, too.
      const lacking = { _id: document._id, [escaped(unless)]: null };
      for (;;) {
        try {
          await of(collection).replaceOne(lacking, toBson(document), { upsert: true });
          return;
        } catch (error) {
          if (!(error instanceof MongoServerError) || error.code !== duplicateKey) throw error;
        }
        // One with the field is there, or one without it was inserted at the same time.
        if ((await of(collection).findOne(lacking)) === null) return;
      }
    });
  const remove = (collection: string, ids: readonly string[], version?: number) =>
    writing(async () => {
      if (ids.length === 0) return;
      await of(collection).deleteMany({ _id: { $in: [...ids] }, ...(version === undefined ? {} : { version }) });
    });
  const take = async (step: Step): Promise<boolean> => {
    if (step.do === "insert") await insert(step.collection, step.documents);
    else if (step.do === "put") await put(step.collection, step.document, step.unless);
    else if (step.do === "remove") await remove(step.collection, step.ids);
    else if (step.do === "create") return (await insert(step.collection, [step.document])).size === 1;
    else return replace(step.collection, step.document, step.version);
    return true;
  };
  const apply = async (steps: readonly Step[]): Promise<boolean> => {
    for (const [at, step] of steps.entries()) {
      try {
        if (step.at !== undefined) runtime.faults.at(step.at);
        if (!(await take(step))) return false;
      } catch (error) {
        // That nothing was written may be said of the first step only.
        throw at === 0 ? error : kitProblems.outcomeUnknown({}, { cause: error });
      }
    }
    return true;
  };
  return {
    name: "mongodb",
    scans: "moving",
    ensure: (collections) =>
      writing(async () => {
        for (const [name, indexes] of Object.entries(collections))
          for (const { on } of indexes)
            await of(name).createIndex(Object.fromEntries([...on, "_id"].map((field) => [escaped(field), 1])));
      }),
    async apply(steps) {
      const [begunAt, waits] = [runtime.clock.monotonic(), atWork >= connections];
      const done = await apply(steps);
      // What waits for a connection says how much there is to do, and nothing of what a write takes.
      if (!waits) commitTime.took(runtime.clock.monotonic() - begunAt);
      return done;
    },
    get: (collection, id) =>
      reading(async () => {
        const found = await of(collection).findOne({ _id: id });
        return found === null ? undefined : fromBson(found);
      }),
    insert,
    replace,
    remove,
    find: (collection, find) =>
      reading(async () => {
        const order = [...(find.sort ?? []).map(escaped), "_id"];
        const found = of(collection)
          .find(filterOf(find))
          .sort(
            Object.fromEntries(order.map((field) => [field, find.backwards === true ? (-1 as const) : (1 as const)])),
          )
          .limit(find.limit);
        return (await found.toArray()).map(fromBson);
      }),
    count: (collection, where = {}, most) =>
      reading(() => of(collection).countDocuments(filterOf(where), most === undefined ? {} : { limit: most })),
    commitMs: () => commitTime.ms,
    close: () => client.close(),
  };
}

function filterOf({ where = {}, atMost, sort = [], after }: Where & Pick<Find, "sort" | "after">): Filter<Stored> {
  // A comparison with null finds what is absent, too.
  const all: BsonDocument[] = Object.entries(where).map(([name, value]) => ({ [escaped(name)]: value }));
  if (atMost !== undefined) all.push({ [escaped(atMost.field)]: { $lte: atMost.value } });
  if (after !== undefined) all.push({ $or: behind([...sort.map(escaped), "_id"], after) });
  return all.length === 0 ? {} : { $and: all };
}

/** (a, b) > (x, y) is a > x, or a = x and b > y; what is absent is below everything. */
const behind = (fields: readonly string[], values: readonly (Scalar | null)[]): BsonDocument[] =>
  fields.map((field, at) => ({
    ...Object.fromEntries(fields.slice(0, at).map((earlier, index) => [earlier, values[index]])),
    [field]: values[at] === null ? { $exists: true, $ne: null } : { $gt: values[at] },
  }));

const asHex = (char: string): string => `%${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}`;
/**
 * Names that MongoDB or its driver give a meaning to are written with percent signs, as in an address; the driver also reads what every object inherits
 * as an option of its own, and takes `valueOf` for one.
 */
const escaped = (name: string): string => {
  const plain = name.replaceAll(/[%.\0]/g, asHex);
  return name.startsWith("$") || name === "_bsontype" || name in Object.prototype ? plain.replace(/^./, asHex) : plain;
};
const unescaped = (name: string): string =>
  name.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));

const renamed = (value: unknown, rename: (name: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [rename(name), renamed(each, rename)]));
};
const toBson = (doc: Doc): Stored => renamed(doc, escaped) as Stored; // Proof: `_id` and `version` have plain names.
const fromBson = (doc: Stored): Doc => renamed(doc, unescaped) as Doc; // Proof: written by `toBson`.
