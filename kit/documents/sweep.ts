import { keyRetentionMs, lowestUuidv7, messageRetentionMs, validLowWater } from "../messaging/index.ts";
import { clockSkewMs, timeOfUuidv7 } from "../runtime/index.ts";
import type { Doc, DocumentEngine } from "./engine.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { names, type OwnDoc, type ParkedDoc } from "./kit-collections.ts";
import { holding, wakeLowest } from "./parked.ts";
import { settle, type Parts } from "./settle.ts";

/** Ids of what a document lets out are derived from its version: it must not begin anew while any of them could be remembered. */
const tombstoneRetentionMs = 2 * messageRetentionMs;
/** Who has committed settles at once; what is older than this was left by a crash. */
const settleAfterMs = 2_000;
const chunk = 500;

const lowWater = "low-water";

/** UUIDv7s below it are too old to be told from duplicates. */
export async function lowWaterMark(engine: Pick<DocumentEngine, "get">): Promise<string> {
  const mark = (await engine.get(names.store, lowWater))?.["messageId"];
  return typeof mark === "string" ? mark : "";
}

/** Settles what a crash has left; the rest of housekeeping is in `sweep`. */
export async function settleAll(parts: Parts, collections: readonly string[], before: number): Promise<void> {
  for (const collection of collections) {
    let after: readonly [number, string] | undefined;
    for (;;) {
      const found = await parts.engine.find(collection, {
        atMost: { field: "pendingAt", value: before },
        sort: ["pendingAt"],
        limit: chunk,
        ...(after === undefined ? {} : { after }),
      });
      for (const doc of found) await settle(parts, collection, doc);
      const last = found.at(-1);
      if (last === undefined) break;
      after = [Number(last["pendingAt"]), last._id];
    }
    for (const doc of await fromAhead(parts.engine, { collection, field: "pendingAt", now: before }))
      await settle(parts, collection, doc);
  }
}

/** What a clock wrote that was ahead, a chunk of it. */
async function fromAhead(
  engine: Pick<DocumentEngine, "find">,
  { collection, field, now }: { readonly collection: string; readonly field: string; readonly now: number },
): Promise<readonly Doc[]> {
  const latest = await engine.find(collection, {
    atMost: { field, value: Number.MAX_SAFE_INTEGER },
    sort: [field],
    backwards: true,
    limit: chunk,
  });
  return latest.filter((doc) => Number(doc[field]) > now + clockSkewMs);
}

/** How far the steps of a sweep have come among what they only look at. */
export interface SweptTo {
  asleep: string | undefined;
  redriven: string | undefined;
}

/** Once a minute, in small steps; true while there is more. */
export async function sweep(
  parts: Parts,
  {
    collections,
    deadLetters,
    now,
    to,
    drop,
  }: {
    readonly collections: readonly string[];
    readonly deadLetters: DeadLetters;
    readonly now: number;
    readonly to: SweptTo;
    /** Whether what is past retention goes. */
    readonly drop: boolean;
  },
): Promise<boolean> {
  const { engine } = parts;
  await settleAll(parts, [...collections, names.keys], now - settleAfterMs);
  to.asleep = await wakeStranded(parts, deadLetters, { now: Math.floor(now), after: to.asleep });
  to.redriven = await deadLetters.repark(to.redriven);
  let more = to.asleep !== undefined || to.redriven !== undefined;
  if (!drop) return more;
  for (const [collection, ms] of [
    [names.inbox, messageRetentionMs],
    [names.keys, keyRetentionMs],
  ] as const) {
    // Kept as if they were of now.
    for (const doc of await fromAhead(engine, { collection, field: "at", now }))
      await engine.replace(collection, { ...doc, version: doc.version + 1, at: Math.floor(now) }, doc.version);
    const old = await engine.find(collection, { atMost: { field: "at", value: now - ms }, sort: ["at"], limit: chunk });
    // Before they go: in between they are too old, and not unknown.
    if (collection === names.inbox) await moveLowWater(engine, old, now);
    await engine.remove(
      collection,
      old.map(({ _id }) => _id),
    );
    more ||= old.length === chunk;
  }
  for (const collection of collections) {
    const old = await engine.find(collection, {
      atMost: { field: "deletedAt", value: now - tombstoneRetentionMs },
      sort: ["deletedAt"],
      limit: chunk,
    });
    const idle = old.filter((doc) => (doc as OwnDoc).pending === undefined); // Proof: of a service's own collection.
    for (const { _id, version } of idle) await engine.remove(collection, [_id], version);
    more ||= idle.length === chunk;
  }
  return more;
}

/** A crash between the end of a row and the waking of the next one leaves a key asleep. Gives where it goes on; undefined at the end. */
async function wakeStranded(
  { engine }: Parts,
  deadLetters: DeadLetters,
  { now, after }: { readonly now: number; readonly after: string | undefined },
): Promise<string | undefined> {
  const asleep = await engine.find(names.parked, {
    where: { nextAt: null },
    limit: chunk,
    ...(after === undefined ? {} : { after: [after] }),
  });
  // Proof: rows of this collection are written as such.
  const rows = asleep as unknown as readonly ParkedDoc[];
  for (const row of rows) if (row.error === holding) await deadLetters.releaseDiscarded(row);
  const keys = new Map(rows.map(({ subscription, key }) => [`${subscription} ${key}`, { subscription, key }]));
  for (const key of keys.values()) await wakeLowest(engine, key, now);
  return asleep.length < chunk ? undefined : asleep.at(-1)?._id;
}

/** To the highest id of a message among the marks that go. */
async function moveLowWater(engine: DocumentEngine, marks: readonly Doc[], now: number): Promise<void> {
  const oldest = lowestUuidv7(now - messageRetentionMs);
  const [messageId] = marks
    .flatMap(({ _id }) => messageOf.exec(_id)?.groups?.["id"] ?? [])
    .filter((id) => timeOfUuidv7(id) !== undefined && id < oldest)
    .toSorted((a, b) => (a < b ? 1 : -1));
  if (messageId === undefined) return;
  const known = await engine.get(names.store, lowWater);
  const next: Doc = { _id: lowWater, version: (known?.version ?? 0) + 1, messageId };
  if (known === undefined) await engine.insert(names.store, [next]);
  else if (validLowWater(String(known["messageId"]), now) < messageId)
    await engine.replace(names.store, next, known.version);
}

/** The end of a mark: the id of its message, and the number of the redrive. */
const messageOf = / (?<id>\S+?)(?: \d+)?$/;
