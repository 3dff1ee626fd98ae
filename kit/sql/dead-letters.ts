import { storable, type AuditEntry, type Burial, type DeadLetter, type Envelope } from "../messaging/index.ts";
import type { Derivation, Runtime } from "../runtime/index.ts";
import type { ColumnSpec, Row, Session } from "./engine.ts";
import { envelopeColumns } from "./kit-tables.ts";
import { holding, park, unpark } from "./parked-rows.ts";
import { envelopeOf, envelopeRow, maybeText, numberOf, textOf } from "./rows.ts";

const columns: readonly ColumnSpec[] = [
  { name: "id", type: "text" },
  { name: "subscription", type: "text" },
  ...envelopeColumns,
  { name: "attempts", type: "bigint" },
  { name: "redrive", type: "bigint" },
  { name: "code", type: "text" },
  { name: "error", type: "text" },
  { name: "effectKeys", type: "text" },
  { name: "state", type: "text" },
  { name: "diedAt", type: "bigint" },
  { name: "holdsKey", type: "bigint" },
];

/** What could not be handled, with its bytes and headers, until a person redrives or discards it; everything done to it is on record. */
export class DeadLetters {
  readonly #runtime: Runtime;
  readonly #derivation: Derivation;

  constructor(runtime: Runtime, derivation: Derivation) {
    this.#runtime = runtime;
    this.#derivation = derivation;
  }

  /** In the transaction that takes the message in, or that ends its last attempt. */
  async bury(
    session: Session,
    { subscription, envelope, attempts, redrive, code, error: why, hold, effectKeys }: Burial,
  ): Promise<void> {
    // It may quote a field of the message.
    const error = storable(why);
    const { faults } = this.#runtime;
    faults.at("dead-letter:writing");
    const now = this.#now();
    const id = this.#derivation.id("dead-letter", subscription, envelope.source, envelope.id);
    const inserted = await session.insertMany({
      into: "holdfast_dead_letters",
      columns,
      rows: [
        [
          id,
          subscription,
          ...envelopeRow(envelope),
          attempts,
          redrive,
          code,
          error,
          JSON.stringify(effectKeys),
          "dead",
          now,
          hold ? 1 : 0,
        ],
      ],
      onConflict: "nothing",
      returning: ["id"],
    });
    if (inserted.length === 0) {
      await session.run(
        `UPDATE holdfast_dead_letters SET state = 'dead', attempts = ?, redrive = ?, code = ?, error = ?, "effectKeys" = ?, "diedAt" = ?, "holdsKey" = ? WHERE id = ?`,
        [attempts, redrive, code, error, JSON.stringify(effectKeys), now, hold ? 1 : 0, id],
      );
    }
    if (hold) await this.#hold(session, { subscription, envelope, redrive, deadLetter: id });
    await this.#record(session, { deadLetter: id, action: "died", actor: "holdfast", note: code });
    faults.at("dead-letter:written");
  }

  /** The row goes below all that wait behind it: order within the key is by id, so those are put behind it anew. */
  async #hold(
    session: Session,
    {
      subscription,
      envelope,
      redrive,
      deadLetter,
    }: { subscription: string; envelope: Envelope; redrive: number; deadLetter: string },
  ): Promise<void> {
    const { rows } = await session.run(
      `SELECT id FROM holdfast_parked WHERE subscription = ? AND "key" = ? ORDER BY id`,
      [subscription, envelope.key],
    );
    await park(session, this.#runtime, {
      subscription,
      envelope,
      attempts: 0,
      nextAt: undefined,
      error: holding,
      redrive,
      deadLetter,
    });
    for (const row of rows) {
      await session.run(`INSERT INTO holdfast_parked (${copied}) SELECT ${copied} FROM holdfast_parked WHERE id = ?`, [
        numberOf(row, "id"),
      ]);
      await session.run("DELETE FROM holdfast_parked WHERE id = ?", [numberOf(row, "id")]);
    }
    await session.run(`UPDATE holdfast_parked SET "nextAt" = NULL WHERE subscription = ? AND "key" = ?`, [
      subscription,
      envelope.key,
    ]);
  }

  async redrive(session: Session, id: string, actor: string, note: string | undefined): Promise<boolean> {
    const letter = await this.get(session, id);
    if (letter?.state !== "dead") return false;
    const { subscription, envelope, redrive } = letter;
    const now = this.#now();
    await session.run(`UPDATE holdfast_dead_letters SET state = 'redriven', redrive = ? WHERE id = ?`, [
      redrive + 1,
      id,
    ]);
    if (letter.holdsKey) {
      await session.run(
        `UPDATE holdfast_parked SET "nextAt" = ?, error = '', attempts = 0, redrive = ? WHERE "deadLetter" = ?`,
        [now, redrive + 1, id],
      );
    } else {
      const { rows } = await session.run(
        `SELECT 1 AS one FROM holdfast_parked WHERE subscription = ? AND "key" = ? LIMIT 1`,
        [subscription, envelope.key],
      );
      await park(session, this.#runtime, {
        subscription,
        envelope,
        attempts: 0,
        nextAt: rows.length > 0 ? undefined : now,
        error: "",
        redrive: redrive + 1,
        deadLetter: id,
      });
    }
    await this.#record(session, { deadLetter: id, action: "redriven", actor, note });
    return true;
  }

  async discard(session: Session, id: string, actor: string, note: string): Promise<boolean> {
    const letter = await this.get(session, id);
    if (letter?.state !== "dead") return false;
    await session.run(`UPDATE holdfast_dead_letters SET state = 'discarded' WHERE id = ?`, [id]);
    if (letter.holdsKey) {
      const { rows } = await session.run(`SELECT id FROM holdfast_parked WHERE "deadLetter" = ?`, [id]);
      if (rows[0] !== undefined)
        await unpark(
          session,
          { id: numberOf(rows[0], "id"), subscription: letter.subscription, envelope: letter.envelope },
          this.#now(),
        );
    }
    await this.#record(session, { deadLetter: id, action: "discarded", actor, note });
    return true;
  }

  /** After a redrive has succeeded. */
  async handled(session: Session, id: string): Promise<void> {
    await session.run(`UPDATE holdfast_dead_letters SET state = 'handled' WHERE id = ?`, [id]);
    await this.#record(session, { deadLetter: id, action: "handled", actor: "holdfast", note: undefined });
  }

  async get(session: Session, id: string): Promise<DeadLetter | undefined> {
    const { rows } = await session.run("SELECT * FROM holdfast_dead_letters WHERE id = ?", [id]);
    return rows[0] === undefined ? undefined : deadLetterOf(rows[0]);
  }

  /** Ascending by id. */
  async list(
    session: Session,
    {
      state,
      after = "",
      limit,
    }: { readonly state?: DeadLetter["state"]; readonly after?: string; readonly limit: number },
  ): Promise<readonly DeadLetter[]> {
    const { rows } = await session.run(
      `SELECT * FROM holdfast_dead_letters WHERE id > ? AND (? = '' OR state = ?) ORDER BY id LIMIT ?`,
      [after, state ?? "", state ?? "", limit],
    );
    return rows.map(deadLetterOf);
  }

  async audit(session: Session, id: string): Promise<readonly AuditEntry[]> {
    const { rows } = await session.run(
      `SELECT "deadLetter", action, actor, note, at FROM holdfast_audit WHERE "deadLetter" = ? ORDER BY id`,
      [id],
    );
    return rows.map((row) => ({
      deadLetter: textOf(row, "deadLetter"),
      // Proof: written by `#record`, which takes nothing else.
      action: textOf(row, "action") as AuditEntry["action"],
      actor: textOf(row, "actor"),
      note: maybeText(row, "note"),
      at: numberOf(row, "at"),
    }));
  }

  async #record(session: Session, { deadLetter, action, actor, note }: Omit<AuditEntry, "at">): Promise<void> {
    await session.run(`INSERT INTO holdfast_audit ("deadLetter", action, actor, note, at) VALUES (?, ?, ?, ?, ?)`, [
      deadLetter,
      action,
      actor,
      note ?? null,
      this.#now(),
    ]);
  }

  #now(): number {
    return Math.floor(this.#runtime.clock.now());
  }
}

const copied = [
  "subscription",
  ...envelopeColumns.map(({ name }) => name),
  "attempts",
  "nextAt",
  "error",
  "redrive",
  "deadLetter",
]
  .map((name) => `"${name}"`)
  .join(", ");

function deadLetterOf(row: Row): DeadLetter {
  return {
    id: textOf(row, "id"),
    subscription: textOf(row, "subscription"),
    envelope: envelopeOf(row),
    attempts: numberOf(row, "attempts"),
    redrive: numberOf(row, "redrive"),
    code: textOf(row, "code"),
    error: textOf(row, "error"),
    // Proof: written by `bury` as a list of strings.
    effectKeys: JSON.parse(textOf(row, "effectKeys")) as string[],
    // Proof: written by this class, which knows no other states.
    state: textOf(row, "state") as DeadLetter["state"],
    diedAt: numberOf(row, "diedAt"),
    holdsKey: numberOf(row, "holdsKey") === 1,
  };
}
