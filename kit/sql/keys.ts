import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, KeyState, StoredReply } from "../messaging/index.ts";
import type { ColumnSpec, Insert, Result, Row, Session } from "./engine.ts";
import { Conflict } from "./rejected.ts";
import { maybeText, numberOf, textOf } from "./rows.ts";

/** Runs one statement of a unit or of a session. */
export type Run = (sql: string, parameters: readonly unknown[], writes: boolean) => Promise<Result>;

export const selectKey =
  "SELECT scope, fingerprint, state, nonce, status, body, headers, at FROM holdfast_keys WHERE scope";

/** Of a row that is in the way of `excluded`: its request was refused, and another one asks for the key. */
const free = "(holdfast_keys.state = 'refused' AND holdfast_keys.fingerprint <> excluded.fingerprint)";
/** A clock that is behind makes no key older. */
const later = "CASE WHEN excluded.at > holdfast_keys.at THEN excluded.at ELSE holdfast_keys.at END";

/** What a row says to the request that asks; throws `kit/idempotency-key-reused`. */
export function stateOf(
  row: Row | undefined,
  { fingerprint }: Pick<KeyClaim, "fingerprint">,
  expiredBefore: number,
): KeyState {
  if (row === undefined || hasExpired(row, expiredBefore)) return { kind: "free" };
  const state = textOf(row, "state");
  if (textOf(row, "fingerprint") !== fingerprint) {
    if (state === "refused") return { kind: "free" };
    throw kitProblems.idempotencyKeyReused({});
  }
  if (state !== "replied") return { kind: "reserved", nonce: textOf(row, "nonce"), refused: state === "refused" };
  // Proof: written by `replyRow` as an object of strings.
  const headers = JSON.parse(textOf(row, "headers")) as Record<string, string>;
  return { kind: "replied", reply: { status: numberOf(row, "status"), body: maybeText(row, "body"), headers } };
}

export const hasExpired = (row: Row, expiredBefore: number): boolean => numberOf(row, "at") < expiredBefore;

/** Makes room: of the scopes, those that have expired. */
export async function dropExpired(
  session: Pick<Session, "runWithList">,
  scopes: readonly string[],
  expiredBefore: number,
): Promise<void> {
  const list = { type: "text", values: scopes } as const;
  await session.runWithList("DELETE FROM holdfast_keys WHERE at < ? AND scope", [expiredBefore], list);
}

/** The parameter is the time before which keys have expired. */
const freeOrExpired = `(holdfast_keys.at < ? OR ${free})`;

/** Where the row is not free, a reservation of this very request keeps its nonce and its time. */
const reserve = `INSERT INTO holdfast_keys (scope, fingerprint, state, nonce, at) VALUES (?, ?, 'reserved', ?, ?)
ON CONFLICT (scope) DO UPDATE SET fingerprint = excluded.fingerprint, state = 'reserved', status = NULL, body = NULL, headers = NULL,
nonce = CASE WHEN ${freeOrExpired} THEN excluded.nonce ELSE holdfast_keys.nonce END, at = CASE WHEN ${freeOrExpired} THEN ${later} ELSE holdfast_keys.at END
WHERE ${freeOrExpired} OR holdfast_keys.state = 'refused'`;

export async function reserveKey(
  run: Run,
  key: KeyClaim,
  { nonce, at, expiredBefore }: { readonly nonce: string; readonly at: number; readonly expiredBefore: number },
): Promise<Exclude<KeyState, { readonly kind: "free" }>> {
  await run(reserve, [key.scope, key.fingerprint, nonce, at, expiredBefore, expiredBefore, expiredBefore], true);
  const { rows } = await run(`${selectKey} = ?`, [key.scope], false);
  const state = stateOf(rows[0], key, expiredBefore);
  // Another process was quicker, and its row is free again.
  if (state.kind === "free") throw new Conflict("A key was used by another process at the same time.");
  return state;
}

export async function refuseKey(run: Run, { scope }: KeyClaim, nonce: string): Promise<void> {
  const sql = "UPDATE holdfast_keys SET state = 'refused' WHERE scope = ? AND nonce = ? AND state = 'reserved'";
  await run(sql, [scope, nonce], true);
}

const columns: readonly ColumnSpec[] = [
  { name: "scope", type: "text" },
  { name: "fingerprint", type: "text" },
  { name: "state", type: "text" },
  { name: "status", type: "bigint" },
  { name: "body", type: "text" },
  { name: "headers", type: "text" },
  { name: "at", type: "bigint" },
];

export const replyRow = (
  { scope, fingerprint }: KeyClaim,
  { status, body, headers }: StoredReply,
  at: number,
): readonly unknown[] => [scope, fingerprint, "replied", status, body ?? null, JSON.stringify(headers), at];

/** Passed over are rows of which another request, or another reply, is the owner by now. */
export const insertReplies = (rows: Insert["rows"]): Insert => ({
  into: "holdfast_keys",
  columns,
  rows,
  onConflict: `(scope) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state, nonce = NULL, status = excluded.status, body = excluded.body, headers = excluded.headers, at = ${later} WHERE ${free} OR (holdfast_keys.state <> 'replied' AND holdfast_keys.fingerprint = excluded.fingerprint)`,
  returning: ["scope"],
});
