import type { OutgoingJob, Schedule } from "../messaging/index.ts";
import type { Doc, DocumentEngine } from "./engine.ts";
import { jobDocument, names, pendingJob } from "./kit-collections.ts";
import type { Parts } from "./settle.ts";

interface ScheduleDoc extends Doc {
  readonly pattern: string;
  readonly nextAt: number;
}

const read = async (engine: Pick<DocumentEngine, "get">, name: string) =>
  (await engine.get(names.schedules, name)) as ScheduleDoc | undefined; // Proof: written by this file alone.

/** A schedule whose pattern has changed, or whose time a clock wrote that was ahead, begins with `first`. */
export async function nextTick(
  engine: DocumentEngine,
  { name, pattern }: Schedule,
  { first, latest }: { readonly first: number; readonly latest: number },
): Promise<number> {
  for (;;) {
    const known = await read(engine, name);
    if (known?.pattern === pattern && known.nextAt <= latest) return known.nextAt;
    const next = { _id: name, version: (known?.version ?? 0) + 1, pattern, nextAt: Math.ceil(first) };
    if (known === undefined) await engine.insert(names.schedules, [next]);
    else await engine.replace(names.schedules, next, known.version);
  }
}

/** The job first, under an id that belongs to the tick, then the schedule: a crash in between repeats the same job. */
export async function tick(
  { engine, runtime, derivation }: Parts,
  {
    schedule: { name, pattern },
    tick: at,
    next,
    job,
  }: { readonly schedule: Schedule; readonly tick: number; readonly next: number; readonly job: OutgoingJob },
): Promise<boolean> {
  const known = await read(engine, name);
  if (known?.pattern !== pattern || known.nextAt !== at) return false;
  const id = derivation.id("tick", name, String(at));
  await engine.insert(names.parked, [jobDocument(pendingJob(job, id, runtime.clock.now()))]);
  return engine.replace(
    names.schedules,
    { _id: name, version: known.version + 1, pattern, nextAt: Math.ceil(next) },
    known.version,
  );
}
