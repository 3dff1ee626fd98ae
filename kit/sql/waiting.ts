import type { Waiting } from "../messaging/index.ts";
import type { Session } from "./engine.ts";
import { numberOf, textOf } from "./rows.ts";

/** Of a row among those that wait; the next page lies below it. */
export interface Place {
  readonly nextAt: number;
  readonly id: number;
}

export const top: Place = { nextAt: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
const pageSize = 500;

interface WaitingRow extends Waiting {
  readonly id: number;
}

/** A page of those that wait, the longest first; after the last page it begins anew. */
export async function waitingBelow(
  session: Session,
  { nextAt, id }: Place,
): Promise<{ readonly rows: readonly WaitingRow[]; readonly next: Place }> {
  const { rows } = await session.run(
    `SELECT id, subscription, attempts, redrive, "key", "messageId", "nextAt", "time", headers FROM holdfast_parked WHERE "nextAt" <= ? AND ("nextAt" < ? OR id < ?) ORDER BY "nextAt" DESC, id DESC LIMIT ${String(pageSize)}`,
    [nextAt, nextAt, id],
  );
  const found = rows.map((row) => ({
    id: numberOf(row, "id"),
    subscription: textOf(row, "subscription"),
    // The key of a job is its own id.
    timer:
      numberOf(row, "attempts") === 0 &&
      numberOf(row, "redrive") === 0 &&
      textOf(row, "key") === textOf(row, "messageId"),
    nextAt: numberOf(row, "nextAt"),
    time: textOf(row, "time"),
    // Proof: written by `envelopeRow` as an object of strings.
    headers: JSON.parse(textOf(row, "headers")) as Record<string, string>,
  }));
  const last = found.at(-1);
  return { rows: found, next: last === undefined || found.length < pageSize ? top : last };
}

/** Not those that have got another time, or have gone, meanwhile. */
export async function retime(
  session: Session,
  rows: readonly { readonly id: number; readonly nextAt: number; readonly to: number }[],
): Promise<void> {
  for (const { id, nextAt, to } of rows)
    await session.run(`UPDATE holdfast_parked SET "nextAt" = ? WHERE id = ? AND "nextAt" = ?`, [
      Math.ceil(to),
      id,
      nextAt,
    ]);
}
