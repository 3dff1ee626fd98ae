import type { Envelope, OutgoingJob, Parked } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { ColumnSpec, Session } from "./engine.ts";
import { envelopeColumns } from "./kit-tables.ts";
import { envelopeRow } from "./rows.ts";

export interface ToPark {
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly attempts: number;
  /** Undefined: waits behind another message of its key. */
  readonly nextAt: number | undefined;
  readonly error: string;
  readonly redrive?: number;
  readonly deadLetter?: string;
}

const columns: readonly ColumnSpec[] = [
  { name: "subscription", type: "text" },
  ...envelopeColumns,
  { name: "attempts", type: "bigint" },
  { name: "nextAt", type: "bigint" },
  { name: "error", type: "text" },
  { name: "redrive", type: "bigint" },
  { name: "deadLetter", type: "text" },
];

export async function park(
  session: Session,
  { faults }: Runtime,
  { subscription, envelope, attempts, nextAt, error, redrive = 0, deadLetter }: ToPark,
): Promise<void> {
  faults.at("parked:writing");
  const row = [
    subscription,
    ...envelopeRow(envelope),
    attempts,
    nextAt === undefined ? null : Math.ceil(nextAt),
    error,
    redrive,
    deadLetter ?? null,
  ];
  await session.insertMany({ into: "holdfast_parked", columns, rows: [row] });
}

/** Jobs wait under keys of their own; those without a time are due at once. */
export async function enqueue(session: Session, runtime: Runtime, jobs: readonly OutgoingJob[]): Promise<void> {
  if (jobs.length === 0) return;
  const { ids, clock, faults } = runtime;
  faults.at("parked:writing");
  const now = clock.now();
  const rows = jobs.map(({ subscription, dueAt, ...message }) => {
    const id = ids.uuidv7();
    const envelope = { ...message, id, key: id, time: new Date(now).toISOString() };
    return [
      subscription,
      ...envelopeRow(envelope),
      0,
      dueAt === undefined ? Math.floor(now) : Math.ceil(dueAt),
      "",
      0,
      null,
    ];
  });
  await session.insertMany({ into: "holdfast_parked", columns, rows });
}

/** Deletes the lowest row of a key and wakes the one behind it; a row that holds its key stays asleep. */
export async function unpark(
  session: Session,
  { id, subscription, envelope }: Pick<Parked, "id" | "subscription" | "envelope">,
  now: number,
): Promise<void> {
  await session.run("DELETE FROM holdfast_parked WHERE id = ?", [id]);
  await session.run(
    `UPDATE holdfast_parked SET "nextAt" = ? WHERE id = (SELECT min(id) FROM holdfast_parked WHERE subscription = ? AND "key" = ?) AND "nextAt" IS NULL AND error <> ?`,
    [now, subscription, envelope.key, holding],
  );
}

/** Stands in `error` of the row that holds a key after a dead letter. */
export const holding = "held";
