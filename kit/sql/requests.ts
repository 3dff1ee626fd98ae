import type { KeyClaim, KeyClock, StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Engine, Session } from "./engine.ts";
import type { GroupRules, Member } from "./group.ts";
import { dropExpired, hasExpired, insertReplies, replyRow, selectKey, stateOf } from "./keys.ts";
import { insertOutgoing, type OutboxTail } from "./outgoing.ts";
import { Conflict } from "./rejected.ts";
import { textOf } from "./rows.ts";
import type { Outcome } from "./turn.ts";

/** What a request's unit adds to its place in the group. */
export interface Request {
  readonly key: KeyClaim;
  readonly encode: (value: unknown) => StoredReply;
}

/** A unit that its key had been used for before. */
export class Replay {
  readonly reply: StoredReply;
  constructor(reply: StoredReply) {
    this.reply = reply;
  }
}

/** The scopes whose locks others hold. Taken before the look-up, so that what its holder committed is seen. */
async function lockedElsewhere(session: Session, scopes: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await session.run(
    "SELECT scope, pg_try_advisory_xact_lock(hashtextextended(current_schema() || ' ' || scope, 0)) AS mine FROM json_array_elements_text(?::json) AS waiting (scope)",
    [JSON.stringify(scopes)],
  );
  return new Set(rows.filter(({ mine }) => mine !== true).map((row) => textOf(row, "scope")));
}

/**
 * Keys are looked up when the group begins, with one writer at a time (SQLite) or under a lock for each key (PostgreSQL), so that what is not there then
 * is not there at its end either. Stored is exactly what committed a write, whatever its status; what threw or wrote nothing leaves no row.
 */
export function requestRules(
  {
    runtime,
    tail,
    keyClock,
  }: { readonly runtime: Runtime; readonly tail: OutboxTail | undefined; readonly keyClock: KeyClock },
  engine: Engine["name"],
  requests: WeakMap<Member, Request>,
): GroupRules {
  return {
    ended: (committed) => tail?.ended(committed),
    async begin(session, members) {
      const known = new Map<Member, Outcome<unknown> | "wait">();
      const keyed = members.filter((member) => requests.has(member));
      if (keyed.length === 0) return known;
      const scopes = keyed.flatMap(({ scope }) => scope ?? []).toSorted((a, b) => (a < b ? -1 : 1));
      const locked = engine === "postgres" ? await lockedElsewhere(session, scopes) : new Set<string>();
      const { rows } = await session.runWithList(selectKey, [], { type: "text", values: scopes });
      const expiredBefore = keyClock.expiredBefore();
      const expired = rows.filter((row) => hasExpired(row, expiredBefore)).map((row) => textOf(row, "scope"));
      const free = expired.filter((scope) => !locked.has(scope));
      if (free.length > 0) await dropExpired(session, free, expiredBefore);
      const found = new Map(rows.map((row) => [textOf(row, "scope"), row]));
      for (const scope of expired) found.delete(scope);
      for (const member of keyed) {
        const request = requests.get(member);
        const row = request === undefined ? undefined : found.get(request.key.scope);
        if (row === undefined && member.scope !== undefined && locked.has(member.scope)) known.set(member, "wait");
        if (request === undefined || row === undefined) continue;
        try {
          const state = stateOf(row, request.key, expiredBefore);
          if (state.kind === "replied") known.set(member, { ok: true, value: new Replay(state.reply) });
        } catch (error) {
          known.set(member, { ok: false, error });
        }
      }
      return known;
    },
    async end(session, members) {
      const wrote = members.filter(({ attempt }) => attempt.outcome?.ok === true && attempt.turn.changes);
      await insertOutgoing(
        session,
        wrote.map(({ attempt }) => attempt.turn),
        { runtime, tail },
      );
      const at = keyClock.at();
      const rows = wrote.flatMap((member) => {
        const request = requests.get(member);
        if (request === undefined || member.attempt.outcome?.ok !== true) return [];
        return [replyRow(request.key, request.encode(member.attempt.outcome.value), at)];
      });
      const inserted = await session.insertMany(insertReplies(rows));
      if (inserted.length < rows.length) throw new Conflict("A key was used by another process at the same time.");
    },
  };
}
