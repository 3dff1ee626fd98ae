import { keyRetentionMs, lowestUuidv7, messageRetentionMs } from "../messaging/index.ts";
import type { Session } from "./engine.ts";

const chunk = 1_000;

/** Moves the low-water mark of the inbox and drops what lies below it, a chunk at a time; true while there is more. */
export async function sweep(session: Session, now: number): Promise<boolean> {
  const lowWater = lowestUuidv7(now - messageRetentionMs);
  await session.run(
    `INSERT INTO holdfast_low_water (one, "messageId") VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET "messageId" = excluded."messageId" WHERE excluded."messageId" > holdfast_low_water."messageId"`,
    [lowWater],
  );
  const inbox = await session.run(
    `DELETE FROM holdfast_inbox WHERE (subscription, "messageId") IN (SELECT subscription, "messageId" FROM holdfast_inbox WHERE "messageId" < ? LIMIT ${String(chunk)})`,
    [lowWater],
  );
  const foreign = await session.run(
    `DELETE FROM holdfast_inbox_foreign WHERE (subscription, source, "messageId") IN (SELECT subscription, source, "messageId" FROM holdfast_inbox_foreign WHERE at < ? LIMIT ${String(chunk)})`,
    [Math.floor(now - messageRetentionMs)],
  );
  const keys = await session.run(
    `DELETE FROM holdfast_keys WHERE scope IN (SELECT scope FROM holdfast_keys WHERE at < ? LIMIT ${String(chunk)})`,
    [Math.floor(now - keyRetentionMs)],
  );
  return Math.max(inbox.changes, foreign.changes, keys.changes) >= chunk;
}
