import type { OutgoingJob, Schedule } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { enqueue } from "./parked-rows.ts";
import { numberOf } from "./rows.ts";

/** A schedule whose pattern has changed, or whose time a clock wrote that was ahead, begins with `first`. */
export async function nextTick(
  session: Session,
  { name, pattern }: Schedule,
  { first, latest }: { readonly first: number; readonly latest: number },
): Promise<number> {
  await session.run(
    `INSERT INTO holdfast_schedules (name, pattern, "nextAt") VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET pattern = excluded.pattern, "nextAt" = excluded."nextAt" WHERE holdfast_schedules.pattern <> excluded.pattern OR holdfast_schedules."nextAt" > ?`,
    [name, pattern, Math.ceil(first), Math.ceil(latest)],
  );
  const { rows } = await session.run(`SELECT "nextAt" FROM holdfast_schedules WHERE name = ?`, [name]);
  return numberOf(rows[0] ?? {}, "nextAt");
}

/** Of all instances that see the same tick, the one whose update finds it there enqueues the job. */
export async function tick(
  session: Session,
  runtime: Runtime,
  {
    schedule: { name, pattern },
    tick: at,
    next,
    job,
  }: { readonly schedule: Schedule; readonly tick: number; readonly next: number; readonly job: OutgoingJob },
): Promise<boolean> {
  const { changes } = await session.run(
    `UPDATE holdfast_schedules SET "nextAt" = ? WHERE name = ? AND pattern = ? AND "nextAt" = ?`,
    [Math.ceil(next), name, pattern, at],
  );
  if (changes === 0) return false;
  await enqueue(session, runtime, [job]);
  return true;
}
