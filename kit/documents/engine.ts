import type { FaultPoint } from "../runtime/index.ts";

/** A JSON document as an engine keeps it. `version` is its fence: a replacement names the one that it read. */
export interface Doc {
  readonly _id: string;
  readonly version: number;
  readonly [field: string]: unknown;
}

export interface Index {
  /** Top-level fields, ascending. */
  readonly on: readonly string[];
}

export type Scalar = string | number | boolean;

/** Which documents, by top-level fields: a field holds scalars of one kind, or is absent; JSON's null is as good as absent. */
export interface Where {
  /** Fields that are equal to a value; null: the field is absent. */
  readonly where?: Readonly<Record<string, Scalar | null>>;
  /** A field is at most this; documents without the field are not found. */
  readonly atMost?: { readonly field: string; readonly value: Scalar };
}

/** Needs an index that begins with the fields of `where`, then those of `sort`. */
export interface Find extends Where {
  /**
   * Ascending, documents without the field first. `_id` is added as the last one, so that the order is total; text is compared by its code units in UTF-8.
   */
  readonly sort?: readonly string[];
  /** Behind the document that has these values in the fields of `sort` (null: absent), and this `_id`. */
  readonly after?: readonly (Scalar | null)[];
  /** The other way round; not together with `after`. @default false */
  readonly backwards?: boolean;
  readonly limit: number;
}

/** One atomic change of one document, or of several of one kind one after the other. */
export type Step = {
  readonly collection: string;
  /** A fault point that is passed before it. */
  readonly at?: FaultPoint;
} & (
  | { readonly do: "insert"; readonly documents: readonly Doc[] }
  /** Takes the place of whatever has its id, unless that has the field; goes on either way. */
  | { readonly do: "put"; readonly document: Doc; readonly unless: string }
  /** Goes no further where the document is there. */
  | { readonly do: "create"; readonly document: Doc }
  /** Goes no further where the document is not there, or has another version. */
  | { readonly do: "replace"; readonly document: Doc; readonly version: number }
  | { readonly do: "remove"; readonly ids: readonly string[] }
);

/**
 * A store of JSON documents that can do one thing atomically: change one document whose version is known. All that is promised of documents
 * (docs/ideas.md) is made of these operations. Writes are durable when they resolve; reads see every write that resolved before they began.
 * What rejects: `kit/unavailable` where nothing was written, `kit/outcome-unknown` where that cannot be told; anything else where the store refuses the
 * document itself and would do so again, such as one that is too large.
 */
export interface DocumentEngine {
  readonly name: "embedded" | "mongodb";
  /** `moving`: what is written while a `find` runs may be seen or not, whatever was written before it. */
  readonly scans: "snapshot" | "moving";
  /** Makes missing collections and indexes; may be called again, and by several processes at once. */
  ensure(collections: Readonly<Record<string, readonly Index[]>>): Promise<void>;
  /**
   * Takes the steps in their order. False where a `create` or `replace` finds its document otherwise: what came before it is done, what comes after it is not.
   * A crash or a failure leaves a beginning of them, or nothing; an engine that can may take them all at once.
   */
  apply(steps: readonly Step[]): Promise<boolean>;
  get(collection: string, id: string): Promise<Doc | undefined>;
  /** Those that are there already are passed over; gives the ids of the others. Not atomic over several: after a failure it is repeated. */
  insert(collection: string, documents: readonly Doc[]): Promise<ReadonlySet<string>>;
  /** Puts the document in the place of the one with its `_id`, if that one has `version`; false when it has another, or is not there. */
  replace(collection: string, document: Doc, version: number): Promise<boolean>;
  /** Removes those that are there; where a version is given, those that have it. Not atomic over several. */
  remove(collection: string, ids: readonly string[], version?: number): Promise<void>;
  find(collection: string, find: Find): Promise<readonly Doc[]>;
  /** Where there are more than `most`, it may say that there are so many. @param most no bound where it is left out */
  count(collection: string, where?: Where, most?: number): Promise<number>;
  /** Of engines on a file. `gone`: the file is not the one that was opened any more. `fault`: it cannot be written at present. */
  check?(): Promise<{ readonly gone: string | undefined; readonly fault: string | undefined }>;
  /** How long a durable write took of late, in milliseconds, smoothed over a few; 0 before the first. */
  commitMs(): number;
  close(): Promise<void>;
}
