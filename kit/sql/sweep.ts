import { keyRetentionMs, lowestUuidv7, messageRetentionMs } from "../messaging/index.ts";
import { clockSkewMs } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { textOf } from "./rows.ts";

const chunk = 1_000;

/** Drops what is past retention, a chunk at a time; true while there is more. The low-water mark of the inbox is the highest id that was dropped. */
export async function sweep(session: Session, now: number): Promise<boolean> {
  const ahead = Math.ceil(now + clockSkewMs);
  // Written by a clock that was ahead: kept as if they were of now.
  for (const table of ["holdfast_inbox_foreign", "holdfast_keys"])
    await session.run(`UPDATE ${table} SET at = ? WHERE at > ?`, [Math.floor(now), ahead]);
  const inbox = await session.run(
    `DELETE FROM holdfast_inbox WHERE (subscription, "messageId") IN (SELECT subscription, "messageId" FROM holdfast_inbox WHERE "messageId" < ? LIMIT ${String(chunk)}) RETURNING "messageId"`,
    [lowestUuidv7(now - messageRetentionMs)],
  );
  const [highest] = inbox.rows.map((row) => textOf(row, "messageId")).toSorted((a, b) => (a < b ? 1 : -1));
  if (highest !== undefined)
    await session.run(
      `INSERT INTO holdfast_low_water (one, "messageId") VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET "messageId" = excluded."messageId" WHERE excluded."messageId" > holdfast_low_water."messageId" OR holdfast_low_water."messageId" > ?`,
      [highest, lowestUuidv7(ahead)],
    );
  const foreign = await session.run(
    `DELETE FROM holdfast_inbox_foreign WHERE (subscription, source, "messageId") IN (SELECT subscription, source, "messageId" FROM holdfast_inbox_foreign WHERE at < ? LIMIT ${String(chunk)}) RETURNING subscription, "messageId"`,
    [Math.floor(now - messageRetentionMs)],
  );
  // Those whose ids lie ahead are in both: their ids would keep them until then.
  for (const row of foreign.rows)
    await session.run(`DELETE FROM holdfast_inbox WHERE subscription = ? AND "messageId" = ? AND "messageId" > ?`, [
      textOf(row, "subscription"),
      textOf(row, "messageId"),
      lowestUuidv7(ahead),
    ]);
  const keys = await session.run(
    `DELETE FROM holdfast_keys WHERE scope IN (SELECT scope FROM holdfast_keys WHERE at < ? LIMIT ${String(chunk)})`,
    [Math.floor(now - keyRetentionMs)],
  );
  return Math.max(inbox.changes, foreign.changes, keys.changes) >= chunk;
}
