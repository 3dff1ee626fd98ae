import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, KeyClock, KeyState, StoredReply } from "../messaging/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { names, type OwnDoc } from "./kit-collections.ts";

/** An Idempotency-Key: its reply, or a reservation without one. */
interface KeyDoc extends OwnDoc {
  readonly fingerprint: string;
  readonly reply?: Omit<StoredReply, "body"> & { readonly body: string | null };
  /** Of a reservation. */
  readonly nonce?: string;
  readonly refused?: boolean;
  readonly at: number;
}

/** A reply that is put has a version that no reservation has: whoever replaces the reservation that he has read replaces no reply. */
export const putVersion = 0;

export const replyDocument = (
  { scope, fingerprint }: KeyClaim,
  { reply, version, at }: { readonly reply: StoredReply; readonly version: number; readonly at: number },
): OwnDoc => ({ _id: scope, version, fingerprint, reply: { ...reply, body: reply.body ?? null }, at });

/** When the document of a key was written; 0 where there is none. What replaces it is not older. */
export const writtenAt = (document: OwnDoc | undefined): number => Number(document?.["at"] ?? 0);

type Engine = Pick<DocumentEngine, "get" | "insert" | "replace" | "remove">;

/** What stands under a key: as a document, which a reservation replaces, and what it says to the request that asks. */
export interface FoundKey {
  readonly document: OwnDoc | undefined;
  readonly state: KeyState;
}

/** Throws `kit/idempotency-key-reused`. What is too old goes, so that a reply can be put in its place. */
export async function findKey(
  engine: Pick<Engine, "get" | "remove">,
  { scope, fingerprint }: KeyClaim,
  keyClock: KeyClock,
): Promise<FoundKey> {
  // Proof: written by this file alone.
  const document = (await engine.get(names.keys, scope)) as KeyDoc | undefined;
  if (document === undefined) return { document, state: { kind: "free" } };
  if (document.at < keyClock.expiredBefore() && document.pending === undefined) {
    await engine.remove(names.keys, [scope], document.version);
    return { document: undefined, state: { kind: "free" } };
  }
  const { reply, nonce, refused } = document;
  if (document.fingerprint !== fingerprint) {
    if (refused === true) return { document, state: { kind: "free" } };
    throw kitProblems.idempotencyKeyReused({});
  }
  if (reply === undefined)
    return { document, state: { kind: "reserved", nonce: nonce ?? "", refused: refused === true } };
  return { document, state: { kind: "replied", reply: { ...reply, body: reply.body ?? undefined } } };
}

export async function reserveKey(
  engine: Engine,
  key: KeyClaim,
  { nonce, keyClock }: { readonly nonce: string; readonly keyClock: KeyClock },
): Promise<Exclude<KeyState, { readonly kind: "free" }>> {
  for (;;) {
    const { document, state } = await findKey(engine, key, keyClock);
    if (state.kind === "replied") return state;
    const reserved = { kind: "reserved", nonce, refused: false } as const;
    const mine = { _id: key.scope, fingerprint: key.fingerprint, nonce, at: keyClock.at() };
    if (document === undefined) {
      if ((await engine.insert(names.keys, [{ ...mine, version: 1 }])).size === 1) return reserved;
    } else if (state.kind === "free") {
      const next = { ...mine, at: Math.max(mine.at, writtenAt(document)), version: document.version + 1 };
      if (await engine.replace(names.keys, next, document.version)) return reserved;
    } else {
      if (!state.refused) return state;
      const next = { ...document, refused: false, version: document.version + 1 };
      if (await engine.replace(names.keys, next, document.version)) return { ...state, refused: false };
    }
  }
}

/** Where somebody else was quicker, it is his. */
export async function refuseKey(
  engine: Pick<Engine, "get" | "replace">,
  { scope }: KeyClaim,
  nonce: string,
): Promise<void> {
  const document = (await engine.get(names.keys, scope)) as KeyDoc | undefined; // Proof: written by this file alone.
  if (document === undefined || document.reply !== undefined || document.nonce !== nonce) return;
  await engine.replace(names.keys, { ...document, refused: true, version: document.version + 1 }, document.version);
}
