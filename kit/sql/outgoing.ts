import type { Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { envelopeColumns } from "./kit-tables.ts";
import { enqueue } from "./parked-rows.ts";
import { envelopeRow } from "./rows.ts";
import type { Turn } from "./turn.ts";

/** Mints ids and times and inserts what the units let out, in the order in which they ran: messages into the outbox, jobs among the parked. */
export async function insertOutgoing(session: Session, turns: readonly Turn[], runtime: Runtime): Promise<void> {
  const { ids, clock, faults } = runtime;
  await enqueue(
    session,
    runtime,
    turns.flatMap(({ jobs }) => jobs),
  );
  const messages = turns.flatMap(({ outgoing }) => outgoing);
  if (messages.length === 0) return;
  faults.at("outbox:inserting");
  const time = new Date(clock.now()).toISOString();
  await session.insertMany({
    into: "holdfast_outbox",
    columns: envelopeColumns,
    rows: messages.map((message) => envelopeRow({ ...message, id: ids.uuidv7(), time })),
  });
  faults.at("outbox:inserted");
}
