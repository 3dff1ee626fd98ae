import { longestClaimMs, type Envelope, type Parked } from "../messaging/index.ts";
import { clockSkewMs } from "../runtime/index.ts";
import type { DocumentEngine, Step } from "./engine.ts";
import { fromStored, markOf, names, toStored, type ParkedDoc } from "./kit-collections.ts";
import type { Parts } from "./settle.ts";

/** Whether somebody works on it; a claim further ahead than any was written by a clock that was ahead. */
export const isClaimed = ({ claimedUntil = 0 }: ParkedDoc, now: number): boolean =>
  claimedUntil >= now && claimedUntil <= now + longestClaimMs + clockSkewMs;

/** Stands in `error` of the row that holds a key after a dead letter. */
export const holding = "held";

type Engine = Pick<DocumentEngine, "apply" | "get" | "find" | "insert" | "replace" | "remove">;

export const parkedOf = ({ _id, subscription, envelope, attempts, redrive }: ParkedDoc): Parked => ({
  id: _id,
  subscription,
  envelope: fromStored(envelope),
  attempts,
  redrive,
});

// Proof of the two below: rows of the parked collection are written as ParkedDoc by this folder alone.
export const getParked = async (engine: Engine, id: string) =>
  (await engine.get(names.parked, id)) as ParkedDoc | undefined; // Proof: see above.

/** The lowest and the highest row of a key; undefined where none waits. */
export async function lowest(engine: Engine, subscription: string, key: string): Promise<ParkedDoc | undefined> {
  const [row] = await engine.find(names.parked, { where: { subscription, key }, sort: ["order"], limit: 1 });
  return row as ParkedDoc | undefined; // Proof: see above.
}

async function highestOrder(engine: Engine, subscription: string, key: string): Promise<number> {
  const [row] = await engine.find(names.parked, {
    where: { subscription, key },
    sort: ["order"],
    backwards: true,
    limit: 1,
  });
  return Number(row?.["order"] ?? 0);
}

export interface ToPark {
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly attempts: number;
  /** Where nothing of its key waits before it. */
  readonly nextAt: number;
  readonly error: string;
  readonly redrive?: number;
  readonly deadLetter?: string;
  /** Whoever parks it goes on with it. */
  readonly claimedUntil?: number;
}

/** Behind what waits of its key. False where it was parked already: the row is the mark of the message. */
export async function park({ engine, runtime }: Parts, { envelope, nextAt, ...row }: ToPark): Promise<boolean> {
  runtime.faults.at("parked:writing");
  const { subscription, redrive = 0 } = row;
  const { key } = envelope;
  const first = await lowest(engine, subscription, key);
  const doc: ParkedDoc = {
    ...row,
    redrive,
    _id: `${markOf(subscription, envelope)}${redrive === 0 ? "" : ` ${String(redrive)}`}`,
    version: 1,
    key,
    envelope: toStored(envelope),
    order: first === undefined ? 1 : (await highestOrder(engine, subscription, key)) + 1,
    ...(first === undefined ? { nextAt: Math.ceil(nextAt) } : {}),
  };
  const inserted = (await engine.insert(names.parked, [doc])).size === 1;
  // What it waited for may have been done in between, and have looked for the next one before this one was there.
  if (inserted && first !== undefined) await wakeLowest(engine, { subscription, key }, Math.ceil(nextAt));
  return inserted;
}

/** The lowest row of a key falls due, unless it holds the key. */
export async function wakeLowest(
  engine: Engine,
  { subscription, key }: { readonly subscription: string; readonly key: string },
  now: number,
): Promise<void> {
  for (;;) {
    const row = await lowest(engine, subscription, key);
    if (row === undefined || row.nextAt !== undefined || row.error === holding) return;
    if (await change(engine, row, { nextAt: now })) return;
  }
}

/** The row with the fields changed; undefined takes one away. False where somebody else was quicker. */
export function change(
  engine: Engine,
  row: ParkedDoc,
  fields: { readonly [K in keyof ParkedDoc]?: ParkedDoc[K] | undefined },
): Promise<boolean> {
  return engine.replace(names.parked, changed(row, fields), row.version);
}

function changed(row: ParkedDoc, fields: { readonly [K in keyof ParkedDoc]?: ParkedDoc[K] | undefined }): ParkedDoc {
  const next = Object.fromEntries(
    Object.entries({ ...row, ...fields, version: row.version + 1 }).filter(([, value]) => value !== undefined),
  );
  // Proof: a row with some of its optional fields taken away.
  return next as unknown as ParkedDoc;
}

/** The next of its key falls due, then the row goes: a crash in between leaves both, and the lower one is tried first. */
export async function unpark(engine: Engine, row: ParkedDoc, now: number): Promise<void> {
  const { subscription, key, order, _id } = row;
  const behind = await engine.find(names.parked, {
    where: { subscription, key },
    sort: ["order"],
    after: [order, _id],
    limit: 1,
  });
  const next = behind[0] as ParkedDoc | undefined; // Proof: see above.
  const woken: readonly Step[] =
    next !== undefined && next.nextAt === undefined && next.error !== holding
      ? [{ do: "replace", collection: names.parked, document: changed(next, { nextAt: now }), version: next.version }]
      : [];
  const gone: Step = { do: "remove", collection: names.parked, ids: [_id] };
  if (!(await engine.apply([...woken, gone]))) await engine.remove(names.parked, [_id]);
  await wakeLowest(engine, { subscription, key }, now);
}
