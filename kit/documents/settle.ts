import type { KeyClock } from "../messaging/index.ts";
import type { Derivation, FaultPoint, Runtime } from "../runtime/index.ts";
import type { Doc, DocumentEngine, Step } from "./engine.ts";
import { putVersion, replyDocument } from "./keys.ts";
import { jobDocument, names, type OwnDoc, type StoredEnvelope } from "./kit-collections.ts";

export interface Parts {
  readonly engine: DocumentEngine;
  readonly runtime: Runtime;
  readonly keyClock: KeyClock;
  /** Under a secret made with the store: ids derived in another store differ. */
  readonly derivation: Derivation;
  /** Something stands in the outbox, or among the parked. */
  readonly ring: (what: "outbox" | "parked") => void;
}

/**
 * Puts what a document carries where it belongs, then takes it off. Every step may be repeated, by anybody, at any time: ids are derived from the document
 * and its version. Gives the document without it, or undefined where it has changed meanwhile.
 */
export async function settle(parts: Parts, collection: string, doc: OwnDoc): Promise<OwnDoc | undefined> {
  if (doc.pending === undefined) return doc;
  const settled = bare(doc);
  const done = await parts.engine.apply(settling(parts, collection, doc));
  rung(parts, doc.pending);
  return done ? settled : undefined;
}

/** The steps of settling, the document itself last. */
export function settling(parts: Pick<Parts, "runtime">, collection: string, doc: OwnDoc): readonly Step[] {
  const { pending } = doc;
  if (pending === undefined) return [];
  return [
    ...lettingOut(parts, { ...pending, rows: outboxRows(collection, doc, pending.events) }),
    { do: "replace", at: "document:settling", collection, document: bare(doc), version: doc.version },
  ];
}

/** Tells those who wait for what was let out. */
export function rung({ ring }: Pick<Parts, "ring">, { events, jobs }: NonNullable<OwnDoc["pending"]>): void {
  if (events.length > 0) ring("outbox");
  if (jobs.length > 0) ring("parked");
}

function bare(doc: OwnDoc): OwnDoc {
  const { pending: _pending, pendingAt: _since, ...rest } = doc;
  return { ...rest, _id: doc._id, version: doc.version };
}

export interface OutboxDoc {
  readonly _id: string;
  readonly version: number;
  readonly envelope: StoredEnvelope;
}

/** Outbox, parked jobs, reply and inbox mark: the mark last, so that what it stands for is there. */
export function lettingOut(
  { runtime: { clock } }: Pick<Parts, "runtime">,
  {
    rows,
    jobs,
    key,
    mark,
  }: Pick<NonNullable<OwnDoc["pending"]>, "jobs" | "key" | "mark"> & { readonly rows: readonly OutboxDoc[] },
): readonly Step[] {
  const at = Math.floor(clock.now());
  const steps: Step[] = [];
  const insert = (collection: string, point: FaultPoint | undefined, documents: readonly Doc[]) =>
    steps.push({ do: "insert", collection, documents, ...(point === undefined ? {} : { at: point }) });
  if (rows.length > 0)
    insert(
      names.outbox,
      "outbox:inserting",
      rows.map((row) => ({ ...row })),
    );
  if (jobs.length > 0) insert(names.parked, "parked:writing", jobs.map(jobDocument));
  if (key !== undefined) {
    const document = replyDocument(key, { reply: key.reply, version: putVersion, at: key.at ?? at });
    steps.push({ do: "put", collection: names.keys, document, unless: "reply" });
  }
  if (mark !== undefined) insert(names.inbox, "inbox:inserting", [{ _id: mark, version: 1, at }]);
  return steps;
}

/** In the order of (document, version, n): within one document that of its changes. */
function outboxRows(collection: string, doc: OwnDoc, events: readonly StoredEnvelope[]): readonly OutboxDoc[] {
  const change = `${collection}/${doc._id}#${String(doc.version).padStart(16, "0")}`;
  return events.map((envelope, n) => ({
    _id: `${change}.${String(n).padStart(6, "0")}`,
    version: 1,
    envelope,
  }));
}
