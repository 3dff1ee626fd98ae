import { kitProblems } from "../contract/index.ts";
import type { Bell, Envelope, Producer } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  envelopeColumns,
  envelopeNames,
  envelopeOf,
  envelopeRow,
  giveUpLease,
  migrate,
  numberOf,
  sqliteEngine,
  takeLease,
  type Engine,
  type Session,
} from "../sql/index.ts";
import { brokerMigrations } from "./tables.ts";

export interface LogOptions {
  readonly file: string;
  readonly durability: "full" | "none";
  readonly runtime: Runtime;
}

interface Append {
  readonly producer: Producer;
  readonly messages: readonly Envelope[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A message may have this many bytes of data. */
const maxBytes = 1_048_576;
const retentionMs = 7 * 24 * 60 * 60_000;
const busyMs = 5_000;
const chunk = 1_000;

/**
 * The durable log: one file that any process appends to, one commit for all that is published in a turn of the event loop. Offsets are in the order
 * of commits and without gaps, so that a cursor never skips a message that commits late.
 */
export class Log {
  readonly #engine: Engine;
  readonly #writer: Session;
  readonly #reader: Session;
  readonly #runtime: Runtime;
  #appends: Append[] = [];
  #positions = new Map<
    string,
    { readonly group: string; readonly topic: string; readonly epoch: number; readonly offset: number }
  >();
  #writing: Promise<unknown> = Promise.resolve();
  #appending = false;
  readonly #bells = new Set<Bell>();

  private constructor(parts: {
    readonly engine: Engine;
    readonly writer: Session;
    readonly reader: Session;
    readonly runtime: Runtime;
  }) {
    this.#engine = parts.engine;
    this.#writer = parts.writer;
    this.#reader = parts.reader;
    this.#runtime = parts.runtime;
  }

  static async open({ file, durability, runtime }: LogOptions): Promise<Log> {
    const engine = sqliteEngine({ file, durability });
    await migrate(engine, "broker", brokerMigrations);
    return new Log({ engine, writer: await engine.open("writer"), reader: await engine.open("reader"), runtime });
  }

  /** Rung by every append of this process. */
  onAppend(bell: Bell): () => void {
    this.#bells.add(bell);
    return () => this.#bells.delete(bell);
  }

  /** Changes whenever another process has committed. */
  async version(): Promise<number> {
    const { rows } = await this.#reader.run("PRAGMA data_version");
    return numberOf(rows[0] ?? {}, "data_version");
  }

  append(producer: Producer, messages: readonly Envelope[]): Promise<void> {
    for (const { id, data } of messages) {
      if (data.length > maxBytes) {
        return Promise.reject(
          kitProblems.bodyTooLarge(
            { limitBytes: maxBytes },
            { cause: new Error(`The message ${id} has ${String(data.length)} bytes.`) },
          ),
        );
      }
    }
    return new Promise((resolve, reject) => {
      this.#appends.push({ producer, messages, resolve, reject });
      if (this.#appending) return;
      this.#appending = true;
      setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    while (this.#appends.length > 0) {
      const appends = this.#appends.splice(0);
      const fenced = new Map<Append, unknown>();
      try {
        await this.write(async (session) => {
          this.#runtime.faults.at("broker:appending");
          for (const append of appends) {
            if (await this.#isFenced(session, append.producer)) {
              fenced.set(
                append,
                kitProblems.staleEpoch({
                  reason: `${append.producer.name} publishes under the old epoch ${String(append.producer.epoch)}.`,
                }),
              );
              continue;
            }
            const at = Math.floor(this.#runtime.clock.now());
            await session.insertMany({
              into: "log",
              columns: [...envelopeColumns, { name: "at", type: "bigint" }],
              rows: append.messages.map((message) => [...envelopeRow(message), at]),
            });
          }
        });
        this.#runtime.faults.at("broker:appended");
        for (const append of appends) {
          if (fenced.has(append)) append.reject(fenced.get(append));
          else append.resolve();
        }
        for (const bell of this.#bells) bell.ring();
      } catch (error) {
        for (const append of appends)
          append.reject(kitProblems.unavailable({ reason: "The broker could not append." }, { cause: error }));
      }
    }
    this.#appending = false;
  }

  async #isFenced(session: Session, { name, epoch }: Producer): Promise<boolean> {
    const { rows } = await session.run("SELECT epoch FROM producers WHERE name = ?", [name]);
    const [row] = rows;
    if (row !== undefined && numberOf(row, "epoch") > epoch) return true;
    if (row === undefined || numberOf(row, "epoch") < epoch) {
      await session.run(
        "INSERT INTO producers (name, epoch) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch",
        [name, epoch],
      );
    }
    return false;
  }

  /** A transaction; positions that wait to be moved join it. Busy is waited for, without blocking the event loop. */
  write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const mine = this.#writing.then(
      () => this.#transaction(work),
      () => this.#transaction(work),
    );
    this.#writing = mine;
    return mine;
  }

  async #transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { clock, timers, faults } = this.#runtime;
    const deadline = clock.monotonic() + busyMs;
    for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
      try {
        await this.#writer.begin("write");
        break;
      } catch (error) {
        if (this.#engine.classify(error) !== "busy" || clock.monotonic() >= deadline) throw error;
        await timers.sleep(pause);
      }
    }
    const moves = [...this.#positions.values()];
    this.#positions = new Map();
    try {
      const value = await work(this.#writer);
      if (moves.length > 0) faults.at("position:moving");
      for (const { group, topic, epoch, offset } of moves) {
        // Monotone, and only under the lease that it was reached with.
        await this.#writer.run(
          `UPDATE positions SET "offset" = ? WHERE "group" = ? AND topic = ? AND "offset" < ? AND EXISTS (SELECT 1 FROM holdfast_leases WHERE name = ? AND epoch = ?)`,
          [offset, group, topic, offset, leaseName(group, topic), epoch],
        );
      }
      await this.#writer.commit();
      if (moves.length > 0) faults.at("position:moved");
      return value;
    } catch (error) {
      await this.#writer.rollback();
      throw error;
    }
  }

  /** Remembered, and written with the next commit: a position is a hint, the inbox makes redelivery harmless. */
  move(group: string, topic: string, { epoch, offset }: { readonly epoch: number; readonly offset: number }): void {
    this.#positions.set(`${group} ${topic}`, { group, topic, epoch, offset });
  }

  async flushPositions(): Promise<void> {
    if (this.#positions.size > 0) await this.write(() => Promise.resolve());
  }

  async ensure(groups: readonly { readonly group: string; readonly topic: string }[]): Promise<void> {
    if (groups.length === 0) return;
    await this.write(async (session) => {
      for (const { group, topic } of groups)
        await session.run(`INSERT INTO positions ("group", topic, "offset") VALUES (?, ?, 0) ON CONFLICT DO NOTHING`, [
          group,
          topic,
        ]);
    });
  }

  async position(group: string, topic: string): Promise<number> {
    const { rows } = await this.#reader.run(`SELECT "offset" FROM positions WHERE "group" = ? AND topic = ?`, [
      group,
      topic,
    ]);
    return numberOf(rows[0] ?? { offset: 0 }, "offset");
  }

  lease = (group: string, topic: string, holder: { readonly owner: string; readonly ttlMs: number }) =>
    this.write((session) => takeLease(session, this.#runtime, { name: leaseName(group, topic), ...holder }));

  giveUp = (group: string, topic: string, { owner, epoch }: { readonly owner: string; readonly epoch: number }) =>
    this.write((session) => giveUpLease(session, { name: leaseName(group, topic), epoch }, owner));

  async read(
    topic: string,
    after: number,
    limit: number,
  ): Promise<readonly { readonly offset: number; readonly envelope: Envelope }[]> {
    const { rows } = await this.#reader.run(
      `SELECT "offset", ${envelopeNames} FROM log WHERE type = ? AND "offset" > ? ORDER BY "offset" LIMIT ?`,
      [topic, after, limit],
    );
    return rows.map((row) => ({ offset: numberOf(row, "offset"), envelope: envelopeOf(row) }));
  }

  async lag(group: string, topic: string): Promise<number> {
    const { rows } = await this.#reader.run(`SELECT count(*) AS waiting FROM log WHERE type = ? AND "offset" > ?`, [
      topic,
      await this.position(group, topic),
    ]);
    return numberOf(rows[0] ?? {}, "waiting");
  }

  /** Drops what every group of its topic has passed and retention is over for; true while there is more. */
  async trim(now: number): Promise<boolean> {
    const dropped = await this.write(async (session) =>
      session.run(
        `DELETE FROM log WHERE "offset" IN (SELECT l."offset" FROM log l WHERE l.at < ? AND l."offset" <= (SELECT min(p."offset") FROM positions p WHERE p.topic = l.type) ORDER BY l."offset" LIMIT ${String(chunk)})`,
        [Math.floor(now - retentionMs)],
      ),
    );
    return dropped.changes >= chunk;
  }

  async close(): Promise<void> {
    await this.flushPositions();
    await this.#writing.catch(() => undefined);
    await this.#writer.close();
    await this.#reader.close();
    await this.#engine.close();
  }
}

const leaseName = (group: string, topic: string): string => `${group} ${topic}`;
