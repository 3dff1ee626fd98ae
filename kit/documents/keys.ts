import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, StoredReply } from "../messaging/index.ts";
import type { Doc, DocumentEngine } from "./engine.ts";
import { names } from "./kit-collections.ts";

interface KeyDoc extends Doc {
  readonly fingerprint: string;
  readonly reply: Omit<StoredReply, "body"> & { readonly body: string | null };
}

/** The reply stored under a key; throws `kit/idempotency-key-reused` where it was used for another request. */
export async function replyUnder(
  engine: Pick<DocumentEngine, "get">,
  { scope, fingerprint }: KeyClaim,
): Promise<StoredReply | undefined> {
  // Proof: written by `letOut` alone.
  const found = (await engine.get(names.keys, scope)) as KeyDoc | undefined;
  if (found === undefined) return undefined;
  if (found.fingerprint !== fingerprint) throw kitProblems.idempotencyKeyReused({});
  const { body, ...reply } = found.reply;
  return { ...reply, body: body ?? undefined };
}
