import {
  lastFailure,
  longestClaimMs,
  reasonOf,
  twiceFailed,
  type Burial,
  type Parked,
  type Store,
} from "../messaging/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { names, type ParkedDoc } from "./kit-collections.ts";
import { collectionNames, consumerLabel, runMessage, unitMark, type MessageParts } from "./message-unit.ts";
import { change, getParked, isClaimed, lowest, parkedOf, unpark } from "./parked.ts";
import { settleAll } from "./sweep.ts";
import { isMarked } from "./unit.ts";

const free = { claimedBy: undefined, claimedUntil: undefined } as const;

type How = Parameters<Store<object>["retry"]>[1];
type Ended = Awaited<ReturnType<Store<object>["retry"]>>;

export async function due(
  { engine }: MessageParts,
  {
    now,
    limit,
    subscription,
  }: { readonly now: number; readonly limit: number; readonly subscription?: string | undefined },
): Promise<readonly Parked[]> {
  const found: Parked[] = [];
  const rows = await engine.find(names.parked, {
    ...(subscription === undefined ? {} : { where: { subscription } }),
    atMost: { field: "nextAt", value: now },
    sort: ["nextAt"],
    limit,
  });
  for (const each of rows) {
    const row = each as ParkedDoc; // Proof: rows of this collection are written as such.
    if (isClaimed(row, now)) continue;
    const first = row.order === 1 ? row : await lowest(engine, row.subscription, row.key);
    if (first?._id === row._id) found.push(parkedOf(row));
  }
  return found;
}

export async function nextDue({ engine }: MessageParts): Promise<number | undefined> {
  const [row] = await engine.find(names.parked, {
    atMost: { field: "nextAt", value: Number.MAX_SAFE_INTEGER },
    sort: ["nextAt"],
    limit: 1,
  });
  const at = row?.["nextAt"];
  return typeof at === "number" ? at : undefined;
}

export async function claim(
  { engine, runtime }: MessageParts,
  id: string,
  { owner, until }: { readonly owner: string; readonly until: number },
): Promise<boolean> {
  const row = await getParked(engine, id);
  if (row?.nextAt === undefined) return false;
  const free = !isClaimed(row, runtime.clock.now()) || row.claimedBy === owner;
  if (!free || (await lowest(engine, row.subscription, row.key))?._id !== id) return false;
  return change(engine, row, { claimedBy: owner, claimedUntil: Math.ceil(until) });
}

/** One parked message as one unit: claimed, run (its mark commits with it), and only then its row goes. */
export async function retry(parts: MessageParts, deadLetters: DeadLetters, { id }: Parked, how: How): Promise<Ended> {
  const { engine, runtime } = parts;
  const { clock, faults, ids } = runtime;
  if (typeof id !== "string") return "gone";
  const owner = how.owner ?? `retry:${ids.uuidv7()}`;
  if (how.owner === undefined && !(await claim(parts, id, { owner, until: clock.now() + longestClaimMs })))
    return "gone";
  const row = await getParked(engine, id);
  if (row?.nextAt === undefined || row.nextAt > clock.now() || row.claimedBy !== owner) return "gone";
  const { subscription, redrive, deadLetter } = row;
  const { envelope } = parkedOf(row);
  const attempts = row.attempts + 1;
  faults.at("parked:retrying");
  const claimed = () => ({ claimedUntil: Math.ceil(clock.now() + longestClaimMs) });
  /** Who has lost its claim meanwhile leaves the end to the one who has it: that one may have succeeded. */
  const keep = async (fields: { readonly attempts?: number }): Promise<boolean> => {
    const mine = await getParked(engine, id);
    return mine?.claimedBy === owner && (await change(engine, mine, { ...fields, ...claimed() }));
  };
  const release = async () => {
    const mine = how.owner === undefined ? await getParked(engine, id) : undefined;
    if (mine?.claimedBy === owner) await change(engine, mine, free);
  };
  /** The end of a row whose unit has committed. */
  const settle = async () => {
    // Who wrote a letter may have died before he wrote the mark, or before he took the row away.
    const letter = deadLetter ?? (row.attempts > 0 ? deadLetters.idOf(subscription, envelope) : undefined);
    const mark = redrive > 0 || letter === undefined ? undefined : await engine.get(names.inbox, id);
    if (letter !== undefined && mark?.["buried"] !== true) await deadLetters.handled(letter);
    await unpark(engine, row, Math.floor(clock.now()));
    faults.at("parked:deleted");
  };
  const about = { subscription, envelope, redrive };
  let failed = how.failed;
  if (failed === undefined) {
    try {
      const label = consumerLabel(subscription);
      await runMessage(parts, { ...about, label, work: (unit) => how.handle(envelope, attempts, unit) });
      await settle();
      return "handled";
    } catch (error) {
      failed = error ?? new Error("The handler failed without an error.");
    }
  }
  const verdict = how.judge(failed, attempts);
  if (verdict.kind === "pause") {
    await release();
    throw failed;
  }
  if (verdict.kind === "park") {
    const next = { ...free, attempts, nextAt: Math.ceil(verdict.nextAt), error: reasonOf(failed) };
    return (await change(engine, row, next)) ? "parked" : "gone";
  }
  if (!(await keep({}))) return "gone";
  // A unit of it may have committed before a crash, and now its prepare fails: its document, which nobody has opened since, may still carry the mark.
  if (how.failed !== undefined) await settleAll(parts, collectionNames(parts), Math.floor(clock.now()));
  if (await isMarked(parts, unitMark(subscription, envelope, redrive))) {
    await settle();
    return "handled";
  }
  if (verdict.kind === "discard") {
    await engine.insert(names.inbox, [{ _id: id, version: 1, at: Math.floor(clock.now()) }]);
    await unpark(engine, row, Math.floor(clock.now()));
    return "discarded";
  }
  const failure = lastFailure(failed, attempts);
  let why: Pick<Burial, "code" | "error"> = { code: failure.code, error: failure.reason };
  if (how.exhausted !== undefined) {
    const { run, pauses } = how.exhausted;
    try {
      const label = `exhausted of ${consumerLabel(subscription)}`;
      await runMessage(parts, { ...about, label, work: (unit) => run(envelope, failure, unit) });
      await settle();
      return "exhausted";
    } catch (error) {
      if (pauses(error)) {
        await release();
        throw error;
      }
      why = twiceFailed(failure, error);
    }
  }
  // That it was tried stands in its row before there is a letter, for who comes through after a crash.
  if (!(await keep({ attempts }))) return "gone";
  const hold = how.afterDeadLetter === "hold";
  await deadLetters.bury(
    {
      ...about,
      ...why,
      attempts,
      hold,
      effectKeys: how.effectKeys?.() ?? [],
    },
    id,
  );
  if (!hold) await unpark(engine, row, Math.floor(clock.now()));
  return "dead";
}
