/** The one document of a unit of work. */
export interface Document<T> {
  readonly id: string;
  /** As it is, or as it was set last; undefined where there is none. */
  readonly value: T | undefined;
  /** Replaces it as a whole when the unit commits. Throws where the value does not fit the collection's schema. */
  set(value: T): void;
  /** Leaves a tombstone, so that what is still on its way to this document is told from something new. */
  delete(): void;
}

/**
 * Names the document that a handler changes, by what came in and by nothing else, so that a repetition finds the same one. Made by a collection of a
 * store of documents.
 */
export interface DocumentBy<In, T> {
  readonly collection: string;
  /** Opens it in the running unit, through what the store gives under `kit`. */
  open(kit: unknown, given: In): Promise<Document<T>>;
}

/** What `run` is given where a document is named. */
export interface WithDocument<T> {
  readonly document: Document<T>;
}
