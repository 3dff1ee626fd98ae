import {
  lastFailure,
  longestClaimMs,
  reasonOf,
  twiceFailed,
  type Burial,
  type Parked,
  type Store,
  type Unit,
} from "../messaging/index.ts";
import { clockSkewMs } from "../runtime/index.ts";
import type { Row, Session } from "./engine.ts";
import { runMessage, type Parts } from "./message-unit.ts";
import { unpark } from "./parked-rows.ts";
import { envelopeNames } from "./kit-tables.ts";
import { conflictRounds, Repetitions } from "./repeating.ts";
import { Rejected } from "./rejected.ts";
import { insertOutgoing } from "./outgoing.ts";
import { envelopeOf, maybeText, numberOf, textOf } from "./rows.ts";
import type { Turn } from "./turn.ts";

const fields = `id, subscription, ${envelopeNames}, attempts, redrive, "deadLetter"`;
/** True for the lowest row of its key. */
const isLowest = `NOT EXISTS (SELECT 1 FROM holdfast_parked lower WHERE lower.subscription = p.subscription AND lower."key" = p."key" AND lower.id < p.id)`;

/** Nobody has claimed it, or the claim is over, or a clock wrote it that was ahead. */
const isFree = `("claimedUntil" IS NULL OR "claimedUntil" < ? OR "claimedUntil" > ?)`;
const latestClaim = (now: number): number => Math.ceil(now + longestClaimMs + clockSkewMs);

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
    `SELECT ${fields} FROM holdfast_parked p WHERE ${one}"nextAt" <= ? AND ${isFree} AND ${isLowest} ORDER BY "nextAt", id LIMIT ?`,
    [...names, now, now, latestClaim(now), limit],
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
    `UPDATE holdfast_parked AS p SET "claimedBy" = ?, "claimedUntil" = ? WHERE id = ? AND "nextAt" IS NOT NULL AND (${isFree} OR "claimedBy" = ?) AND ${isLowest}`,
    [owner, Math.ceil(until), id, now, latestClaim(now), owner],
  );
  return changes === 1;
}

type How = Parameters<Store<object>["retry"]>[1];
type Ended = Awaited<ReturnType<Store<object>["retry"]>>;

/** What could not be committed: the unit of the handler, or the one in place of its dead letter. */
interface Unwritten {
  readonly error: unknown;
  readonly by: "handler" | "exhausted";
}

/**
 * One parked message as one unit: row read again in the transaction, run, deleted, the next of its key woken. Where its transaction fails for what the unit
 * wrote, a second one records that as the failure of the attempt.
 */
export async function retry(parts: Parts, parked: Parked, how: How): Promise<Ended> {
  let unwritten: readonly Unwritten[] = [];
  const repetitions = new Repetitions(parts.lane);
  for (;;) {
    const reached: Reached = { unit: undefined };
    try {
      return await retryOnce(parts, parked, how, { unwritten, reached });
    } catch (error) {
      const by = reached.unit;
      if (by === undefined || unwritten.some((known) => known.by === by)) throw error;
      const verdict = await repetitions.judge(error);
      if (verdict !== "again") unwritten = [...unwritten, { error: verdict.failed, by }];
    }
  }
}

/** The unit that runs in the transaction, or will commit with it. */
interface Reached {
  unit: Unwritten["by"] | undefined;
}

function retryOnce(
  parts: Parts,
  { id, subscription }: Parked,
  how: How,
  { unwritten, reached }: { readonly unwritten: readonly Unwritten[]; readonly reached: Reached },
): Promise<Ended> {
  const known = (by: Unwritten["by"]) => unwritten.find((each) => each.by === by);
  return parts.lane.job(async (session) => {
    const { runtime, deadLetters } = parts;
    // The lane may run it again.
    reached.unit = undefined;
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
    /** What the unit let out, the end of the row, and that of the letter that it came from. */
    const settle = async (ran: Turn) => {
      await insertOutgoing(session, [ran], parts);
      await unpark(session, parked, now);
      runtime.faults.at("parked:deleted");
      if (deadLetter !== undefined) await deadLetters.handled(session, deadLetter);
    };
    const run = async (by: Unwritten["by"], label: string, work: (unit: Unit<object>) => Promise<void>) => {
      const failed = known(by) ?? (by === "handler" && how.failed !== undefined ? { error: how.failed } : undefined);
      if (failed !== undefined) return { ok: false as const, error: failed.error };
      reached.unit = by;
      const { outcome, turn } = await runMessage(parts, session, { label, work });
      if (outcome.ok) await settle(turn);
      else reached.unit = undefined;
      return outcome;
    };
    const outcome = await run("handler", `the consumer ${subscription}`, (unit) =>
      how.handle(envelope, attempts, unit),
    );
    if (outcome.ok) return "handled";
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
      const { run: last, pauses } = how.exhausted;
      const ended = await run("exhausted", `exhausted of the consumer ${subscription}`, (unit) =>
        last(envelope, failure, unit),
      );
      if (ended.ok) return "exhausted";
      if (pauses(ended.error)) throw new Rejected(ended.error);
      why = twiceFailed(failure, ended.error);
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
  }, conflictRounds);
}
