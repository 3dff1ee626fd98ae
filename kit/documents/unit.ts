import { isProblem, kitProblems } from "../contract/index.ts";
import { isStorable, type KeyClaim, type StoredReply, type Unit } from "../messaging/index.ts";
import { Attempt, settled as valueOf, Turn } from "../sql/index.ts";
import type { Opened, Opener } from "./collection.ts";
import { names, pendingJob, toStored, type OwnDoc, type Pending } from "./kit-collections.ts";
import { findKey, replyDocument, writtenAt } from "./keys.ts";
import type { DocumentEngine, Step } from "./engine.ts";
import { lettingOut, rung, settle, settling, type Parts } from "./settle.ts";

/** A question to the store, as a unit asks it. */
export interface Question {
  readonly writes: false;
  readonly ask: () => Promise<unknown>;
}
export type DocumentTurn = Turn<Question, unknown>;

export interface UnitPlan<T> {
  readonly label: string;
  /** On the monotonic clock; a unit that loses against others gives up then. */
  readonly deadline: number;
  /** The inbox mark of the message that is being handled. */
  readonly mark?: string;
  readonly key?: KeyClaim | undefined;
  readonly encode?: ((value: T) => StoredReply) | undefined;
  readonly accessOf: (turn: DocumentTurn, opener: Opener) => object;
  readonly work: (unit: Unit<object>) => Promise<T>;
}

export type Ran<T> =
  | { readonly kind: "committed"; readonly value: T }
  /** The message had been handled before. */
  | { readonly kind: "duplicate" }
  | { readonly kind: "replayed"; readonly reply: StoredReply };

interface Begun {
  readonly collection: string;
  /** As it was read; undefined where there was none. */
  readonly before: OwnDoc | undefined;
  readonly id: string;
  change: { readonly to: object | undefined } | undefined;
}

/** One attempt: what it opened and what it learnt when it did. */
class Running {
  begun: Begun | undefined;
  known: Ran<never> | undefined;
  /** When the reservation of its key was written. */
  keyAt = 0;
}

/** Runs a unit on one document, again where another one changed it meanwhile; rejects with what `work` throws. */
export async function runUnit<T>(parts: Parts, plan: UnitPlan<T>): Promise<Ran<T>> {
  const { clock, random, timers, faults } = parts.runtime;
  for (let round = 1; ; round += 1) {
    const running = new Running();
    const turn: DocumentTurn = new Turn(plan.label, { readOnly: false });
    faults.at("unit:begun");
    const attempt = new Attempt<T, Question, unknown>(turn, () =>
      plan.work({
        access: plan.accessOf(turn, { open: (collection, id) => open(parts, plan, running, turn, { collection, id }) }),
        publish: (message) => {
          const { begun } = running;
          if (begun !== undefined && message.key !== begun.id)
            throw new Error(
              `${plan.label} published ${message.type} with the key "${message.key}": the events of a document carry its id, "${begun.id}", as their key.`,
            );
          turn.publish(message);
        },
        enqueue: (job) => turn.enqueue(job),
      }),
    );
    await answer(attempt);
    if (running.known !== undefined) return running.known;
    const value = valueOf(attempt.outcome, plan.label);
    faults.at("unit:ran");
    // Without a document nobody has looked yet.
    if (running.begun === undefined && plan.mark !== undefined && (await isMarked(parts, plan.mark)))
      return { kind: "duplicate" };
    const replayed = running.begun === undefined ? await replayOf(parts, plan) : undefined;
    if (replayed !== undefined) return replayed;
    if (await commit(parts, plan, { running, turn, value })) return { kind: "committed", value };
    if (clock.monotonic() >= plan.deadline) throw kitProblems.overloaded({}, { headers: { "retry-after": "1" } });
    await timers.sleep(random.next() * Math.min(50, 2 ** round));
  }
}

/** Answers what a handler asks until it is done. */
export async function answer(attempt: Attempt<unknown, Question, unknown>): Promise<void> {
  while ((await attempt.pause()) === "wants") {
    for (let question = attempt.turn.next(); question !== undefined; question = attempt.turn.next()) {
      try {
        question.resolve(await question.ask());
      } catch (error) {
        question.reject(error);
      }
    }
  }
}

/** The document first and the inbox second: one that is seen without anything pending proves that all before it stands in the inbox. */
function open(
  parts: Parts,
  plan: Pick<UnitPlan<unknown>, "label" | "mark" | "key">,
  running: Running,
  turn: DocumentTurn,
  { collection, id }: { readonly collection: string; readonly id: string },
): Promise<Opened> {
  const ask = async (): Promise<Opened> => {
    if (running.begun !== undefined)
      throw new Error(
        `${plan.label} opened a second document: a unit changes one; enqueue a job for each of the others.`,
      );
    if (!isStorable(id))
      throw new Error(`${plan.label} opened a document of ${collection} whose id holds NUL or half a surrogate pair.`);
    const before = await settledDocument(parts, collection, id);
    const begun: Begun = { collection, id, before, change: undefined };
    running.begun = begun;
    if (plan.mark !== undefined && (await isMarked(parts, plan.mark))) {
      running.known = { kind: "duplicate" };
      throw new Error("The message was handled before.");
    }
    if (plan.key !== undefined) {
      const { document, state } = await findKey(parts.engine, plan.key, parts.keyClock);
      if (state.kind === "replied") {
        running.known = { kind: "replayed", reply: state.reply };
        throw new Error("The request was answered before.");
      }
      running.keyAt = writtenAt(document);
    }
    return {
      id,
      get value() {
        return begun.change === undefined ? stateOf(begun.before) : begun.change.to;
      },
      change(to) {
        begun.change = { to };
        turn.writes += 1;
      },
    };
  };
  // Proof: the answer to this very question.
  return turn.issue({ writes: false, ask }) as Promise<Opened>;
}

/** The reply of a twin, where a unit has opened no document, and so has not looked yet. */
async function replayOf(
  { engine, keyClock }: Parts,
  { key }: Pick<UnitPlan<unknown>, "key">,
): Promise<Ran<never> | undefined> {
  if (key === undefined) return undefined;
  const { state } = await findKey(engine, key, keyClock);
  return state.kind === "replied" ? { kind: "replayed", reply: state.reply } : undefined;
}

/** Whether a message's unit stands: of a document in which nothing is pending, or of none. */
export async function isMarked(parts: Parts, mark: string): Promise<boolean> {
  const found: OwnDoc | undefined = await parts.engine.get(names.inbox, mark);
  if (found !== undefined) await settle(parts, names.inbox, found);
  return found !== undefined;
}

/** Settles until nothing is pending. */
async function settledDocument(parts: Parts, collection: string, id: string): Promise<OwnDoc | undefined> {
  for (;;) {
    const doc: OwnDoc | undefined = await parts.engine.get(collection, id);
    if (doc?.pending === undefined) return doc;
    const settled = await settle(parts, collection, doc);
    if (settled !== undefined) return settled;
  }
}

/** What a handler sees of a document; undefined for none and for a tombstone. */
export function stateOf(doc: OwnDoc | undefined): object | undefined {
  if (doc === undefined || doc.deleted === true) return undefined;
  const { _id, version: _version, pending: _pending, pendingAt: _since, ...state } = doc;
  return state;
}

/** The one write at which everything becomes true; false where another unit was quicker. */
async function commit<T>(
  parts: Parts,
  plan: UnitPlan<T>,
  { running, turn, value }: { readonly running: Running; readonly turn: DocumentTurn; readonly value: T },
): Promise<boolean> {
  const { engine, runtime, derivation, keyClock } = parts;
  const { faults, ids, clock } = runtime;
  const { mark, key, encode } = plan;
  const { begun } = running;
  const now = clock.now();
  if (begun?.change === undefined && turn.jobs.length === 0) {
    // A message is known when it comes again, also where it has changed nothing: what it meets then is another document.
    if (mark !== undefined) await engine.apply(lettingOut(parts, { mark, rows: [], jobs: [] }));
    return true;
  }
  const reply = key === undefined || encode === undefined ? undefined : { ...key, reply: encode(value) };
  if (begun === undefined) return commitJobs(parts, { mark, reply, turn });
  const { collection, id, before, change } = begun;
  const version = (before?.version ?? 0) + 1;
  const derived = (kind: string, n: number) => derivation.id(kind, collection, id, String(version), String(n));
  const pending: Pending = {
    ...(mark === undefined ? {} : { mark }),
    ...(reply === undefined ? {} : { key: { ...reply, at: Math.max(keyClock.at(), running.keyAt) } }),
    unit: ids.uuidv7(),
    events: turn.outgoing.map((message, n) =>
      toStored({ ...message, id: derived("event", n), time: new Date(now).toISOString() }),
    ),
    jobs: turn.jobs.map((job, n) => pendingJob(job, derived("job", n), now)),
  };
  const state = change === undefined ? stateOf(before) : change.to;
  const next: OwnDoc = {
    ...(state ?? { deleted: true, deletedAt: Math.floor(now) }),
    _id: id,
    version,
    pending,
    pendingAt: Math.floor(now),
  };
  const first: Step =
    before === undefined
      ? { do: "create", at: "unit:committing", collection, document: next }
      : { do: "replace", at: "unit:committing", collection, document: next, version: before.version };
  // The first step makes it true, the others put it where it belongs; a crash in between is settled by whoever opens the document next, or by the sweep.
  try {
    if (!(await engine.apply([first, ...settling(parts, collection, next)]))) return false;
  } catch (error) {
    if (!isProblem(error, "kit/outcome-unknown") || !(await stands(engine, collection, next))) throw error;
  }
  faults.at("unit:committed");
  rung(parts, pending);
  return true;
}

/**
 * Jobs without a document. The mark of the message, or the reply under the key, is the document: either this unit becomes true, with all its jobs, or another one.
 * What a crash leaves of it is put where it belongs by whoever comes next, or by the sweep.
 */
async function commitJobs(
  parts: Parts,
  {
    mark,
    reply,
    turn,
  }: { readonly mark: string | undefined; readonly reply: Pending["key"]; readonly turn: DocumentTurn },
): Promise<boolean> {
  const { engine, runtime, keyClock } = parts;
  const { ids, clock } = runtime;
  const now = clock.now();
  const jobs = turn.jobs.map((job) => pendingJob(job, ids.uuidv7(), now));
  const at = Math.floor(now);
  const carried = { pending: { unit: ids.uuidv7(), events: [], jobs }, pendingAt: at };
  if (mark !== undefined) {
    const document: OwnDoc = { _id: mark, version: 1, at, ...carried };
    const create: Step = { do: "create", at: "inbox:inserting", collection: names.inbox, document };
    if (!(await engine.apply([create, ...settling(parts, names.inbox, document)]))) return false;
  } else if (reply === undefined) await engine.apply(lettingOut(parts, { rows: [], jobs }));
  else {
    const { document: before, state } = await findKey(engine, reply, keyClock);
    if (state.kind === "replied") return false;
    const version = (before?.version ?? 0) + 1;
    const keyAt = Math.max(keyClock.at(), writtenAt(before));
    const document = { ...replyDocument(reply, { reply: reply.reply, version, at: keyAt }), ...carried };
    const first = { at: "unit:committing", collection: names.keys, document } as const;
    const step: Step =
      before === undefined ? { ...first, do: "create" } : { ...first, do: "replace", version: before.version };
    if (!(await engine.apply([step, ...settling(parts, names.keys, document)]))) return false;
  }
  parts.ring("parked");
  return true;
}

/** Whether the document carries what this very unit wrote. If not, that may be settled by now, or still be on its way: nobody knows. */
async function stands(
  engine: Pick<DocumentEngine, "get">,
  collection: string,
  { _id, pending }: OwnDoc,
): Promise<boolean> {
  try {
    const found: OwnDoc | undefined = await engine.get(collection, _id);
    return found?.pending !== undefined && found.pending.unit === pending?.unit;
  } catch {
    return false; // It cannot be told.
  }
}
