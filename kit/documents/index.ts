export type { DocumentAccess, Found, Reader } from "./access.ts";
export { collection, type Collection } from "./collection.ts";
export { documents, openDocuments } from "./documents.ts";
export { embeddedDocuments, type EmbeddedOptions } from "./embedded.ts";
export { mongoDocuments, type MongoOptions } from "./mongodb.ts";
export type { Doc, DocumentEngine, Find, Index, Scalar } from "./engine.ts";
