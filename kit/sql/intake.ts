import {
  codeOf,
  isInfrastructure,
  reasonOf,
  tooOld,
  validLowWater,
  type Batch,
  type BatchResult,
  type Incoming,
  type Verdict,
} from "../messaging/index.ts";
import { clockSkewMs, timeOfUuidv7, type Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { Rejected } from "./rejected.ts";
import { runMessage, type Parts } from "./message-unit.ts";
import { park } from "./parked-rows.ts";
import { insertOutgoing } from "./outgoing.ts";
import { textOf } from "./rows.ts";
import { conflictRounds, Repetitions, unitsError } from "./repeating.ts";
import type { Slices } from "./slices.ts";
import type { Turn } from "./turn.ts";

/** What came of a batch: who waits for messages or for parked rows is told. */
export interface TakenIn extends BatchResult {
  readonly published: boolean;
  readonly enqueued: boolean;
}

const nothing: TakenIn = {
  handled: 0,
  duplicates: 0,
  parked: 0,
  dead: 0,
  discarded: 0,
  published: false,
  enqueued: false,
};

/** In order, by transactions that each take what fits into a turn. Rejects where not all is taken in: what was before stays, and is known by its marks. */
export async function takeIn(parts: Parts, slices: Slices, batch: Batch<object>): Promise<TakenIn> {
  const { subscription, messages } = batch;
  let taken = nothing;
  for (let from = 0; from < messages.length;) {
    const slice = messages.slice(from, from + slices.sizeFor(subscription));
    taken = sum(taken, await takeInSlice(parts, slices, { ...batch, messages: slice }));
    from += slice.length;
  }
  return taken;
}

const sum = (a: TakenIn, b: TakenIn): TakenIn => ({
  handled: a.handled + b.handled,
  duplicates: a.duplicates + b.duplicates,
  parked: a.parked + b.parked,
  dead: a.dead + b.dead,
  discarded: a.discarded + b.discarded,
  published: a.published || b.published,
  enqueued: a.enqueued || b.enqueued,
});

/**
 * What the unit of one message writes may fail for all: at the end of the transaction, at its commit, or with an error that looks like an outage. Then each half is taken in for itself; when the
 * message is alone, each failure is an attempt of it, and two are made at once.
 */
async function takeInSlice(parts: Parts, slices: Slices, batch: Batch<object>): Promise<TakenIn> {
  const { messages } = batch;
  const first = await tryToTakeIn(parts, slices, batch);
  if ("taken" in first) return first.taken;
  if (messages.length > 1) {
    const half = Math.ceil(messages.length / 2);
    const lower = await takeInSlice(parts, slices, { ...batch, messages: messages.slice(0, half) });
    return sum(lower, await takeInSlice(parts, slices, { ...batch, messages: messages.slice(half) }));
  }
  for (let { error } = first, attempts = 1; ; attempts += 1) {
    const verdict = batch.judge(error, attempts);
    if (verdict.kind === "pause") throw error;
    if (attempts === 2 || verdict.kind !== "park")
      return takeInOnce(parts, slices, { ...batch, failed: { verdict, error, attempts } });
    const again = await tryToTakeIn(parts, slices, { ...batch, attempt: attempts + 1 });
    if ("taken" in again) return again.taken;
    error = again.error;
  }
}

/** Rejects where the store is at fault, or a message asked for a pause. */
async function tryToTakeIn(
  parts: Parts,
  slices: Slices,
  batch: Taking,
  repetitions = new Repetitions(parts.lane),
): Promise<{ readonly taken: TakenIn } | { readonly error: unknown }> {
  let paused = false;
  let reached = false;
  const judge: Batch<object>["judge"] = (error, attempt) => {
    const verdict = batch.judge(error, attempt);
    paused ||= verdict.kind === "pause";
    return verdict;
  };
  try {
    const handle: Taking["handle"] = (...given) => {
      reached = true;
      return batch.handle(...given);
    };
    const began = () => {
      // The lane may run it again.
      reached = false;
    };
    return { taken: await takeInOnce(parts, slices, { ...batch, handle, judge, began }) };
  } catch (error) {
    if (paused || (isInfrastructure(error) && !reached)) throw error;
    if (batch.messages.length > 1) {
      if (isInfrastructure(error) && (await unitsError(parts.lane, error)) === undefined) throw error;
      return { error };
    }
    const verdict = await repetitions.judge(error);
    return verdict === "again" ? await tryToTakeIn(parts, slices, batch, repetitions) : { error: verdict.failed };
  }
}

/** How a message failed whose handler is done with. */
interface Failed {
  readonly verdict: Verdict;
  readonly error: unknown;
  readonly attempts: number;
}

interface Taking extends Batch<object> {
  /** Set where the unit of the only message could not be committed: its handler is not run. */
  readonly failed?: Failed;
  /** Of the handler; of those that were made before nothing is left. @default 1 */
  readonly attempt?: number;
  /** Told of each transaction. */
  readonly began?: () => void;
}

/** One transaction: marks, effects, parked and dead rows, outgoing messages. */
function takeInOnce(parts: Parts, slices: Slices, batch: Taking): Promise<TakenIn> {
  const { clock } = parts.runtime;
  return parts.lane.job(async (session) => {
    batch.began?.();
    const began = clock.monotonic();
    const turns: Turn[] = [];
    const result = await takeInBatch(parts, session, { ...batch, ran: (turn) => turns.push(turn) });
    await insertOutgoing(session, turns, parts);
    slices.took(batch.subscription, batch.messages.length, clock.monotonic() - began);
    const enqueued = turns.some(({ jobs }) => jobs.length > 0);
    return { ...result, published: turns.some(({ outgoing }) => outgoing.length > 0), enqueued };
  }, conflictRounds);
}

interface Running extends Taking {
  /** Told of every unit that will commit. */
  readonly ran: (turn: Turn) => void;
}

async function takeInBatch(parts: Parts, session: Session, batch: Running): Promise<BatchResult> {
  const { runtime, deadLetters } = parts;
  const { subscription } = batch;
  const fresh = await mark(session, runtime, batch);
  const count = { handled: 0, duplicates: batch.messages.length - fresh.length, parked: 0, dead: 0, discarded: 0 };
  if (fresh.length === 0) return count;
  const keys = [...new Set(fresh.map(({ message }) => message.envelope.key))];
  const { rows } = await session.runWithList(
    `SELECT DISTINCT "key" FROM holdfast_parked WHERE subscription = ? AND "key"`,
    [subscription],
    { type: "text", values: keys },
  );
  const parkedKeys = new Set(rows.map((row) => textOf(row, "key")));
  const now = Math.floor(runtime.clock.now());
  for (const { message, old } of fresh) {
    const { envelope } = message;
    const fault = message.dead ?? (old ? tooOld : undefined);
    if (parkedKeys.has(envelope.key)) {
      await park(session, runtime, { subscription, envelope, attempts: 0, nextAt: undefined, error: "" });
      count.parked += 1;
      continue;
    }
    if (fault !== undefined) {
      await deadLetters.bury(session, {
        subscription,
        envelope,
        attempts: 0,
        redrive: 0,
        code: fault.code,
        error: fault.detail,
        hold: batch.afterDeadLetter === "hold",
        effectKeys: [],
      });
      if (batch.afterDeadLetter === "hold") parkedKeys.add(envelope.key);
      count.dead += 1;
      continue;
    }
    if (batch.intakeOnly) {
      await park(session, runtime, { subscription, envelope, attempts: 0, nextAt: now, error: "" });
      parkedKeys.add(envelope.key);
      count.parked += 1;
      continue;
    }
    const failed = await handleNow(parts, session, { ...batch, message });
    if (failed === undefined) {
      count.handled += 1;
      continue;
    }
    const { verdict, error, attempts } = failed;
    if (verdict.kind === "pause") throw new Rejected(error);
    if (verdict.kind === "discard") count.discarded += 1;
    else if (verdict.kind === "park") {
      await park(session, runtime, {
        subscription,
        envelope,
        attempts,
        nextAt: verdict.nextAt,
        error: reasonOf(error),
      });
      parkedKeys.add(envelope.key);
      count.parked += 1;
    } else {
      await deadLetters.bury(session, {
        subscription,
        envelope,
        attempts,
        redrive: 0,
        code: codeOf(error),
        error: reasonOf(error),
        hold: batch.afterDeadLetter === "hold",
        effectKeys: [],
      });
      if (batch.afterDeadLetter === "hold") parkedKeys.add(envelope.key);
      count.dead += 1;
    }
  }
  return count;
}

/** Two attempts at once; undefined when one of them succeeded. */
async function handleNow(
  parts: Parts,
  session: Session,
  { subscription, message, handle, judge, ran, failed, attempt: from = 1 }: Running & { readonly message: Incoming },
): Promise<Failed | undefined> {
  const { faults } = parts.runtime;
  if (failed !== undefined) return failed;
  for (let attempt = from; ; attempt += 1) {
    const { outcome, turn } = await runMessage(parts, session, {
      label: `the consumer ${subscription}`,
      work: (unit) => {
        faults.at("consumer:handling");
        return handle(message.envelope, attempt, unit);
      },
    });
    if (outcome.ok) {
      ran(turn);
      faults.at("consumer:handled");
      return undefined;
    }
    const verdict = judge(outcome.error, attempt);
    if (attempt >= 2 || verdict.kind !== "park") return { verdict, error: outcome.error, attempts: attempt };
  }
}

/** Inserts the marks; gives the messages that were not there, in their order. */
async function mark(session: Session, { clock, faults }: Runtime, { subscription, messages }: Batch<object>) {
  const now = Math.floor(clock.now());
  const { rows } = await session.run(`SELECT "messageId" FROM holdfast_low_water`);
  const lowWater = rows[0] === undefined ? "" : validLowWater(textOf(rows[0], "messageId"), now);
  const seen = new Set<string>();
  const timed: Incoming[] = [];
  const foreign: Incoming[] = [];
  const older = new Set<Incoming>();
  const distinct = messages.filter(({ envelope: { source, id } }) => {
    const identity = `${source} ${id}`;
    return !seen.has(identity) && seen.add(identity);
  });
  for (const message of distinct) {
    const time = timeOfUuidv7(message.envelope.id);
    if (time !== undefined && message.envelope.id <= lowWater) older.add(message);
    else {
      if (time !== undefined) timed.push(message);
      // One that lies ahead goes by the time of its arrival: its id would keep it too long.
      if (time === undefined || time > now + clockSkewMs) foreign.push(message);
    }
  }
  faults.at("inbox:inserting");
  const inserted = await session.insertMany({
    into: "holdfast_inbox",
    columns: [
      { name: "subscription", type: "text" },
      { name: "messageId", type: "text" },
    ],
    rows: timed
      .map(({ envelope }) => [subscription, envelope.id])
      .toSorted(([, a], [, b]) => (String(a) < String(b) ? -1 : 1)),
    onConflict: "nothing",
    returning: ["messageId"],
  });
  const foreignInserted = await session.insertMany({
    into: "holdfast_inbox_foreign",
    columns: [
      { name: "subscription", type: "text" },
      { name: "source", type: "text" },
      { name: "messageId", type: "text" },
      { name: "at", type: "bigint" },
    ],
    rows: foreign.map(({ envelope }) => [subscription, envelope.source, envelope.id, now]),
    onConflict: "nothing",
    returning: ["messageId"],
  });
  faults.at("inbox:inserted");
  const isNew = new Set([
    ...inserted.map((row) => textOf(row, "messageId")),
    ...foreignInserted.map((row) => textOf(row, "messageId")).filter((id) => timeOfUuidv7(id) === undefined),
  ]);
  return distinct
    .filter((message) => older.has(message) || isNew.has(message.envelope.id))
    .map((message) => ({ message, old: older.has(message) }));
}
