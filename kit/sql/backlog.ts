import type { Backlog } from "../messaging/index.ts";
import type { Session } from "./engine.ts";
import { maybeText, numberOf } from "./rows.ts";

/** Rows of the outbox are wide: beyond this many their numbers tell, which have gaps at most where transactions failed. */
const outboxCounted = 1_000;
/** What an index tells. */
const indexed = 5_000;
/** Whether a job was tried stands in its row. */
const laterCounted = 1_000;

const upTo = (most: number, rows: string): string => `(SELECT count(*) FROM (${rows} LIMIT ${String(most)}) AS found)`;
const later = `SELECT attempts FROM holdfast_parked WHERE "nextAt" > ? ORDER BY "nextAt" LIMIT ${String(laterCounted)}`;

const statement = `SELECT ${[
  `${upTo(outboxCounted, "SELECT 1 FROM holdfast_outbox")} AS outbox`,
  `(SELECT min(seq) FROM holdfast_outbox) AS first`,
  `(SELECT max(seq) FROM holdfast_outbox) AS last`,
  `(SELECT time FROM holdfast_outbox ORDER BY seq LIMIT 1) AS since`,
  `${upTo(indexed, `SELECT 1 FROM holdfast_parked WHERE "nextAt" IS NULL`)} AS asleep`,
  `${upTo(indexed, `SELECT 1 FROM holdfast_parked WHERE "nextAt" <= ?`)} AS ready`,
  "timers",
  "retrying",
  `${upTo(indexed, `SELECT 1 FROM holdfast_dead_letters WHERE state = 'dead'`)} AS dead`,
].join(
  ", ",
)} FROM (SELECT count(CASE WHEN attempts = 0 THEN 1 END) AS timers, count(CASE WHEN attempts > 0 THEN 1 END) AS retrying FROM (${later}) AS found) AS later`;

/** One statement, a few milliseconds whatever there is. */
export async function backlog(session: Session, now: number): Promise<Backlog> {
  const { rows } = await session.run(statement, [now, now]);
  const row = rows[0] ?? {};
  const outbox = numberOf(row, "outbox");
  const since = maybeText(row, "since");
  return {
    outbox: outbox < outboxCounted ? outbox : numberOf(row, "last") - numberOf(row, "first") + 1,
    outboxSince: since === undefined ? undefined : Date.parse(since),
    parked: numberOf(row, "asleep") + numberOf(row, "ready") + numberOf(row, "retrying"),
    timers: numberOf(row, "timers"),
    dead: numberOf(row, "dead"),
  };
}
