import { lastFailure, reasonOf, twiceFailed, type Burial, type Parked, type Store } from "../messaging/index.ts";
import type { Row, Session } from "./engine.ts";
import { runMessage, type Parts } from "./message-unit.ts";
import { unpark } from "./parked-rows.ts";
import { envelopeNames } from "./kit-tables.ts";
import { Rejected } from "./rejected.ts";
import { insertOutgoing } from "./outgoing.ts";
import { envelopeOf, maybeText, numberOf, textOf } from "./rows.ts";
import type { Turn } from "./turn.ts";

const fields = `id, subscription, ${envelopeNames}, attempts, redrive, "deadLetter"`;
/** True for the lowest row of its key. */
const isLowest = `NOT EXISTS (SELECT 1 FROM holdfast_parked lower WHERE lower.subscription = p.subscription AND lower."key" = p."key" AND lower.id < p.id)`;

const parkedOf = (row: Row): Parked => ({
  id: numberOf(row, "id"),
  subscription: textOf(row, "subscription"),
  envelope: envelopeOf(row),
  attempts: numberOf(row, "attempts"),
  redrive: numberOf(row, "redrive"),
});

/** Rows that wait behind another have no `nextAt`: the scan never wades through them. */
export async function due(
  session: Session,
  {
    now,
    limit,
    subscription,
  }: { readonly now: number; readonly limit: number; readonly subscription?: string | undefined },
): Promise<readonly Parked[]> {
  const [one, names] = subscription === undefined ? ["", []] : ["subscription = ? AND ", [subscription]];
  const { rows } = await session.run(
    `SELECT ${fields} FROM holdfast_parked p WHERE ${one}"nextAt" <= ? AND ("claimedUntil" IS NULL OR "claimedUntil" < ?) AND ${isLowest} ORDER BY "nextAt", id LIMIT ?`,
    [...names, now, now, limit],
  );
  return rows.map(parkedOf);
}

export async function nextDue(session: Session): Promise<number | undefined> {
  const { rows } = await session.run(`SELECT min("nextAt") AS at FROM holdfast_parked`);
  const at = rows[0]?.["at"];
  return at === null || at === undefined ? undefined : Number(at);
}

export async function claim(
  session: Session,
  id: number,
  { owner, until, now }: { readonly owner: string; readonly until: number; readonly now: number },
): Promise<boolean> {
  const { changes } = await session.run(
    `UPDATE holdfast_parked AS p SET "claimedBy" = ?, "claimedUntil" = ? WHERE id = ? AND "nextAt" IS NOT NULL AND ("claimedUntil" IS NULL OR "claimedUntil" < ? OR "claimedBy" = ?) AND ${isLowest}`,
    [owner, Math.ceil(until), id, now, owner],
  );
  return changes === 1;
}

type How = Parameters<Store<object>["retry"]>[1];
type Ended = Awaited<ReturnType<Store<object>["retry"]>>;

/** One parked message as one unit: row read again in the transaction, run, deleted, the next of its key woken. */
export async function retry(parts: Parts, { id, subscription }: Parked, how: How): Promise<Ended> {
  return parts.lane.job(async (session) => {
    const { runtime, deadLetters } = parts;
    const now = Math.floor(runtime.clock.now());
    const { rows } = await session.run(
      `SELECT ${fields}, "claimedBy" FROM holdfast_parked p WHERE id = ? AND "nextAt" <= ? AND ${isLowest}`,
      [id, now],
    );
    const [row] = rows;
    if (row === undefined || (how.owner !== undefined && maybeText(row, "claimedBy") !== how.owner)) return "gone";
    const parked = parkedOf(row);
    const deadLetter = maybeText(row, "deadLetter");
    runtime.faults.at("parked:retrying");
    const attempts = parked.attempts + 1;
    const { envelope } = parked;
    const failed = "failed" in how && how.failed !== undefined;
    const { outcome, turn } = failed
      ? { outcome: { ok: false as const, error: how.failed }, turn: undefined }
      : await runMessage(parts, session, {
          label: `the consumer ${subscription}`,
          work: (unit) => how.handle(envelope, attempts, unit),
        });
    /** What the unit let out, the end of the row, and that of the letter that it came from. */
    const settle = async (ran: Turn | undefined) => {
      if (ran !== undefined) await insertOutgoing(session, [ran], parts);
      await unpark(session, parked, now);
      runtime.faults.at("parked:deleted");
      if (deadLetter !== undefined) await deadLetters.handled(session, deadLetter);
    };
    if (outcome.ok) {
      await settle(turn);
      return "handled";
    }
    const verdict = how.judge(outcome.error, attempts);
    if (verdict.kind === "pause") throw new Rejected(outcome.error);
    if (verdict.kind === "park") {
      await session.run(
        `UPDATE holdfast_parked SET attempts = ?, "nextAt" = ?, error = ?, "claimedBy" = NULL, "claimedUntil" = NULL WHERE id = ?`,
        [attempts, Math.ceil(verdict.nextAt), reasonOf(outcome.error), id],
      );
      return "parked";
    }
    const failure = lastFailure(outcome.error, attempts);
    let why: Pick<Burial, "code" | "error"> = { code: failure.code, error: failure.reason };
    if (verdict.kind === "dead" && how.exhausted !== undefined) {
      const { run, pauses } = how.exhausted;
      const label = `exhausted of the consumer ${subscription}`;
      const last = await runMessage(parts, session, { label, work: (unit) => run(envelope, failure, unit) });
      if (last.outcome.ok) {
        await settle(last.turn);
        return "exhausted";
      }
      if (pauses(last.outcome.error)) throw new Rejected(last.outcome.error);
      why = twiceFailed(failure, last.outcome.error);
    }
    await unpark(session, parked, now);
    if (verdict.kind === "discard") return "discarded";
    await deadLetters.bury(session, {
      subscription,
      envelope,
      attempts,
      redrive: parked.redrive,
      ...why,
      hold: how.afterDeadLetter === "hold",
      effectKeys: how.effectKeys?.() ?? [],
    });
    return "dead";
  });
}
