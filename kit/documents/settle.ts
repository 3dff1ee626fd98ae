import type { Runtime } from "../runtime/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { jobDocument, names, type OwnDoc, type StoredEnvelope } from "./kit-collections.ts";

export interface Parts {
  readonly engine: DocumentEngine;
  readonly runtime: Runtime;
  /** Random, made with the store: ids derived in another store of the same name differ. */
  readonly storeId: string;
  /** Something stands in the outbox, or among the parked. */
  readonly ring: (what: "outbox" | "parked") => void;
}

/**
 * Puts what a document carries where it belongs, then takes it off. Every step may be repeated, by anybody, at any time: ids are derived from the document
 * and its version. Gives the document without it, or undefined where it has changed meanwhile.
 */
export async function settle(parts: Parts, collection: string, doc: OwnDoc): Promise<OwnDoc | undefined> {
  const { engine, ring } = parts;
  const { pending, pendingAt: _since, ...rest } = doc;
  if (pending === undefined) return doc;
  await letOut(parts, { ...pending, rows: outboxRows(collection, doc, pending.events) });
  const { faults } = parts.runtime;
  faults.at("document:settling");
  const settled = { ...rest, _id: doc._id, version: doc.version };
  const done = await engine.replace(collection, settled, doc.version);
  faults.at("document:settled");
  if (pending.events.length > 0) ring("outbox");
  if (pending.jobs.length > 0) ring("parked");
  return done ? settled : undefined;
}

export interface OutboxDoc {
  readonly _id: string;
  readonly version: number;
  readonly envelope: StoredEnvelope;
}

/** Outbox, parked jobs, reply and inbox mark: the mark last, so that what it stands for is there. */
export async function letOut(
  { engine, runtime: { clock, faults } }: Pick<Parts, "engine" | "runtime">,
  {
    rows,
    jobs,
    key,
    mark,
  }: Pick<NonNullable<OwnDoc["pending"]>, "jobs" | "key" | "mark"> & { readonly rows: readonly OutboxDoc[] },
): Promise<void> {
  const at = Math.floor(clock.now());
  const inserting: Promise<unknown>[] = [];
  if (rows.length > 0) {
    faults.at("outbox:inserting");
    inserting.push(
      engine.insert(
        names.outbox,
        rows.map((row) => ({ ...row })),
      ),
    );
  }
  if (jobs.length > 0) {
    faults.at("parked:writing");
    inserting.push(engine.insert(names.parked, jobs.map(jobDocument)));
  }
  await Promise.all(inserting);
  if (rows.length > 0) faults.at("outbox:inserted");
  const marking: Promise<unknown>[] = [];
  if (key !== undefined)
    marking.push(
      engine.insert(names.keys, [
        {
          _id: key.scope,
          version: 1,
          fingerprint: key.fingerprint,
          reply: { ...key.reply, body: key.reply.body ?? null },
          at,
        },
      ]),
    );
  if (mark !== undefined) {
    faults.at("inbox:inserting");
    marking.push(engine.insert(names.inbox, [{ _id: mark, version: 1, at }]));
  }
  await Promise.all(marking);
  if (mark !== undefined) faults.at("inbox:inserted");
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
