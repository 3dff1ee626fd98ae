import type { AuditEntry, Burial, DeadLetter, Envelope } from "../messaging/index.ts";
import type { Doc } from "./engine.ts";
import { fromStored, markOf, names, toStored, type ParkedDoc, type StoredEnvelope } from "./kit-collections.ts";
import { change, getParked, holding, lowest, park, unpark } from "./parked.ts";
import type { Parts } from "./settle.ts";

interface DeadDoc extends Doc, Omit<DeadLetter, "id" | "envelope"> {
  readonly _id: string;
  readonly envelope: StoredEnvelope;
  /** The row that holds its key. */
  readonly holder: string;
  readonly audit: readonly Omit<AuditEntry, "deadLetter">[];
}

/** What could not be handled, with its bytes and headers, and with everything that was done to it. */
export class DeadLetters {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Writes the letter, then the row that holds its key, then the mark of the message. May be repeated: until the mark is there, the message comes again or
   * its row does.
   */
  async bury({ subscription, envelope, hold, ...why }: Burial, row?: string): Promise<void> {
    const { engine, runtime } = this.#parts;
    const { faults } = runtime;
    faults.at("dead-letter:writing");
    const now = this.#now();
    const id = this.idOf(subscription, envelope);
    const mark = markOf(subscription, envelope);
    const died = { action: "died", actor: "holdfast", note: why.code, at: now } as const;
    const letter: DeadDoc = {
      _id: id,
      version: 1,
      subscription,
      envelope: toStored(envelope),
      ...why,
      state: "dead",
      diedAt: now,
      holdsKey: hold,
      holder: row ?? mark,
      audit: [died],
    };
    if ((await engine.insert(names.dead, [letter])).size === 0)
      await this.#change(id, (known) =>
        known.state === "dead"
          ? undefined
          : {
              ...known,
              ...why,
              state: "dead",
              diedAt: now,
              // What is held by now: the subscription may have changed its mind since the message died first.
              holdsKey: hold,
              holder: row ?? known.holder,
              audit: [...known.audit, died],
            },
      );
    faults.at("dead-letter:written");
    if (hold) await this.#hold({ subscription, envelope, redrive: why.redrive, deadLetter: id }, row);
    await this.#mark(subscription, envelope);
  }

  idOf(subscription: string, { source, id }: Envelope): string {
    return this.#parts.derivation.id("dead-letter", subscription, source, id);
  }

  /** Says that the message was buried, where no unit has said that it was handled. */
  #mark(subscription: string, envelope: Pick<Envelope, "source" | "id">): Promise<unknown> {
    return this.#parts.engine.insert(names.inbox, [
      { _id: markOf(subscription, envelope), version: 1, at: this.#now(), buried: true },
    ]);
  }

  /** Its row, or a new one below all others of its key, stands in their way. */
  async #hold(
    given: {
      readonly subscription: string;
      readonly envelope: Envelope;
      readonly redrive: number;
      readonly deadLetter: string;
    },
    row: string | undefined,
  ): Promise<void> {
    const { engine } = this.#parts;
    const { subscription, envelope, redrive, deadLetter } = given;
    for (;;) {
      const own = row === undefined ? undefined : await getParked(engine, row);
      if (own !== undefined) {
        if (await change(engine, own, { ...released, error: holding, attempts: 0, redrive, deadLetter })) return;
        continue;
      }
      const first = await lowest(engine, subscription, envelope.key);
      const doc = {
        _id: markOf(subscription, envelope),
        version: 1,
        subscription,
        key: envelope.key,
        order: (first?.order ?? 1) - 1,
        envelope: toStored(envelope),
        attempts: 0,
        error: holding,
        redrive,
        deadLetter,
      };
      await engine.insert(names.parked, [doc]);
      return;
    }
  }

  async redrive(id: string, actor: string, note: string | undefined): Promise<boolean> {
    const { engine } = this.#parts;
    const now = this.#now();
    const letter = await this.#change(id, (known) =>
      known.state !== "dead"
        ? undefined
        : {
            ...known,
            state: "redriven",
            redrive: known.redrive + 1,
            audit: [...known.audit, entry("redriven", actor, note, now)],
          },
    );
    if (letter === undefined) return false;
    const { subscription, redrive } = letter;
    const envelope = fromStored(letter.envelope);
    await this.#mark(subscription, envelope);
    if (!letter.holdsKey)
      await park(this.#parts, { subscription, envelope, attempts: 0, nextAt: now, error: "", redrive, deadLetter: id });
    else
      for (;;) {
        const row = await getParked(engine, letter.holder);
        if (row === undefined || (await change(engine, row, { nextAt: now, error: "", attempts: 0, redrive }))) break;
      }
    return true;
  }

  async discard(id: string, actor: string, note: string): Promise<boolean> {
    const { engine } = this.#parts;
    const now = this.#now();
    const letter = await this.#change(id, (known) =>
      known.state !== "dead"
        ? undefined
        : { ...known, state: "discarded", audit: [...known.audit, entry("discarded", actor, note, now)] },
    );
    if (letter === undefined) return false;
    await this.#mark(letter.subscription, letter.envelope);
    const row = letter.holdsKey ? await getParked(engine, letter.holder) : undefined;
    if (row !== undefined) await unpark(engine, row, now);
    return true;
  }

  /**
   * A crash may come between a redrive and the row that it parks: what is redriven and waits nowhere is parked again. A step behind one letter; gives
   * the one behind which it goes on, undefined at the end.
   */
  async repark(after: string | undefined): Promise<string | undefined> {
    const { engine } = this.#parts;
    const rows = await engine.find(names.dead, {
      where: { state: "redriven" },
      limit: looked,
      ...(after === undefined ? {} : { after: [after] }),
    });
    for (const each of rows) {
      const { _id, subscription, envelope: stored, redrive, holdsKey, holder } = each as DeadDoc; // Proof: as above.
      const envelope = fromStored(stored);
      const now = this.#now();
      if (!holdsKey)
        await park(this.#parts, {
          subscription,
          envelope,
          attempts: 0,
          nextAt: now,
          error: "",
          redrive,
          deadLetter: _id,
        });
      const row = holdsKey ? await getParked(engine, holder) : undefined;
      if (row?.error === holding) await change(engine, row, { nextAt: now, error: "", attempts: 0, redrive });
    }
    return rows.length < looked ? undefined : rows.at(-1)?._id;
  }

  /** A crash may come between a discard and the end of the row that holds its key. */
  async releaseDiscarded(row: ParkedDoc): Promise<void> {
    const letter = row.deadLetter === undefined ? undefined : await this.#read(row.deadLetter);
    if (letter?.state !== "discarded") return;
    await this.#mark(letter.subscription, letter.envelope);
    await unpark(this.#parts.engine, row, this.#now());
  }

  /** After a redrive has succeeded, or an attempt that came after a crash; nothing where there is no such letter. */
  async handled(id: string): Promise<void> {
    const now = this.#now();
    await this.#change(id, (known) =>
      known.state === "handled"
        ? undefined
        : { ...known, state: "handled", audit: [...known.audit, entry("handled", "holdfast", undefined, now)] },
    );
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const found = await this.#read(id);
    return found === undefined ? undefined : letterOf(found);
  }

  async list({
    state,
    after,
    limit,
  }: {
    readonly state?: DeadLetter["state"];
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]> {
    const rows = await this.#parts.engine.find(names.dead, {
      ...(state === undefined ? {} : { where: { state } }),
      ...(after === undefined ? {} : { after: [after] }),
      limit,
    });
    return rows.map((row) => letterOf(row as DeadDoc)); // Proof: written by this class alone.
  }

  async audit(id: string): Promise<readonly AuditEntry[]> {
    const found = await this.#read(id);
    return (found?.audit ?? []).map((known) => ({ ...known, deadLetter: id, note: known.note ?? undefined }));
  }

  async #read(id: string): Promise<DeadDoc | undefined> {
    return (await this.#parts.engine.get(names.dead, id)) as DeadDoc | undefined; // Proof: written by this class alone.
  }

  /** The letter as it was changed; undefined where there is nothing to change. */
  async #change(id: string, next: (known: DeadDoc) => DeadDoc | undefined): Promise<DeadDoc | undefined> {
    for (;;) {
      const known = await this.#read(id);
      const changed = known === undefined ? undefined : next(known);
      if (known === undefined || changed === undefined) return undefined;
      const doc = { ...changed, version: known.version + 1 };
      if (await this.#parts.engine.replace(names.dead, doc, known.version)) return doc;
    }
  }

  #now(): number {
    return Math.floor(this.#parts.runtime.clock.now());
  }
}

/** Letters that are looked at in one step. */
const looked = 500;

const released = { nextAt: undefined, claimedBy: undefined, claimedUntil: undefined } as const;

const entry = (action: AuditEntry["action"], actor: string, note: string | undefined, at: number) => ({
  action,
  actor,
  note,
  at,
});

function letterOf({
  _id,
  version: _version,
  holder: _holder,
  audit: _audit,
  envelope,
  ...letter
}: DeadDoc): DeadLetter {
  return { ...letter, id: _id, envelope: fromStored(envelope) };
}
