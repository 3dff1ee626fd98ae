import type { Backlog } from "../messaging/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { names } from "./kit-collections.ts";
import type { OutboxDoc } from "./settle.ts";

/** Each costs a look at its document. */
const most = 1_000;
/** They are not in the order of their times. */
const outboxSeen = 100;

/** What waits, counted so far that it takes a few milliseconds whatever there is. */
export async function backlog(engine: Pick<DocumentEngine, "count" | "find">, now: number): Promise<Backlog> {
  const untried = { attempts: 0 };
  const due = { atMost: { field: "nextAt", value: now } };
  const [outbox, seen, all, asleep, ready, fresh, freshAsleep, freshReady, dead] = await Promise.all([
    engine.count(names.outbox, {}, most),
    engine.find(names.outbox, { limit: outboxSeen }),
    engine.count(names.parked, {}, most),
    engine.count(names.parked, { where: { nextAt: null } }, most),
    engine.count(names.parked, due, most),
    engine.count(names.parked, { where: untried }, most),
    engine.count(names.parked, { where: { ...untried, nextAt: null } }, most),
    engine.count(names.parked, { where: untried, ...due }, most),
    engine.count(names.dead, { where: { state: "dead" } }, most),
  ]);
  // Counted one after the other, while others write.
  const timers = Math.max(0, fresh - freshAsleep - freshReady);
  // Proof: written by `lettingOut` alone.
  const times = seen.map((doc) => Date.parse((doc as unknown as OutboxDoc).envelope.time));
  return {
    outbox,
    outboxSince: times.length === 0 ? undefined : Math.min(...times),
    parked: all < most ? Math.max(0, all - timers) : asleep + ready,
    timers: fresh < most ? timers : undefined,
    dead,
  };
}
