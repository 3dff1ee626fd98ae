import { Recent, type Envelope } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { envelopeColumns } from "./kit-tables.ts";
import { enqueue } from "./parked-rows.ts";
import { envelopeRow, numberOf } from "./rows.ts";
import type { Turn } from "./turn.ts";

/** The end of an outbox whose numbers are in the order of commits, which one writer at a time sees to; what is staged counts when its transaction has ended well. */
export class OutboxTail {
  readonly #recent = new Recent();
  #staged: { readonly last: number; readonly envelopes: readonly Envelope[] }[] = [];

  stage(last: number, envelopes: readonly Envelope[]): void {
    this.#staged.push({ last, envelopes });
  }
  ended(committed: boolean): void {
    if (this.#staged.length === 0) return;
    for (const { last, envelopes } of this.#staged) {
      if (committed) this.#recent.add(last, envelopes);
    }
    this.#staged = [];
  }
  after = (seq: number, limit: number) =>
    this.#recent.after(seq, limit)?.map(({ at, envelope }) => ({ seq: at, envelope }));
}

/** Mints ids and times and inserts what the units let out, in the order in which they ran: messages into the outbox, jobs among the parked. */
export async function insertOutgoing(
  session: Session,
  turns: readonly Turn[],
  { runtime, tail }: { readonly runtime: Runtime; readonly tail: OutboxTail | undefined },
): Promise<void> {
  const { ids, clock, faults } = runtime;
  const jobs = turns.flatMap((turn) => turn.jobs);
  if (jobs.length > 0) await enqueue(session, runtime, jobs);
  const messages = turns.flatMap(({ outgoing }) => outgoing);
  if (messages.length === 0) return;
  faults.at("outbox:inserting");
  const time = new Date(clock.now()).toISOString();
  const envelopes = messages.map((message): Envelope => ({ ...message, id: ids.uuidv7(), time }));
  await session.insertMany({ into: "holdfast_outbox", columns: envelopeColumns, rows: envelopes.map(envelopeRow) });
  if (tail !== undefined) {
    const { rows } = await session.run("SELECT last_insert_rowid() AS last");
    tail.stage(numberOf(rows[0] ?? {}, "last"), envelopes);
  }
  faults.at("outbox:inserted");
}
