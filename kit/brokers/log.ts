import {
  Recent,
  brokerProblems,
  checkAttributes,
  maxMessageBytes,
  type Envelope,
  type KnownStore,
  type Producer,
  type Wake,
} from "../messaging/index.ts";
import { clockSkewMs, type Runtime, type Timer } from "../runtime/index.ts";
import type { Metrics } from "../telemetry/index.ts";
import {
  envelopeColumns,
  envelopeNames,
  envelopeOf,
  envelopeRow,
  fileFault,
  giveUpLease,
  GroupWriter,
  identify,
  LaneMeter,
  migrate,
  numberOf,
  requireKnown,
  sqliteEngine,
  takeLease,
  type Engine,
  type ErrorClass,
  type Session,
  whenMissing,
} from "../sql/index.ts";
import { brokerMigrations } from "./tables.ts";

export interface LogOptions {
  readonly file: string;
  readonly durability: "full" | "none";
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly onFatal: (error: unknown) => void;
  /** What the data folder remembers of the log. */
  readonly known: KnownStore | undefined;
  /** The file takes no more than this. */
  readonly maxBytes: number | undefined;
}

/** A topic as one group reads it. */
export interface GroupTopic {
  readonly group: string;
  readonly topic: string;
}

export interface Offset {
  readonly offset: number;
  readonly envelope: Envelope;
}

interface Parts {
  readonly engine: Engine;
  readonly writer: Session;
  readonly reader: Session;
  readonly options: LogOptions;
  readonly id: string;
}

const retentionMs = 7 * 24 * 60 * 60_000;
const chunk = 1_000;
const mostCounted = 10_000;
/** How often other processes' appends are looked for. */
const poll = { minMs: 10, maxMs: 100 };

/**
 * The durable log: one file that any process appends to. Offsets are in the order of commits and without gaps, so that a cursor never skips a message
 * that commits late.
 */
export class Log {
  readonly #engine: Engine;
  readonly #session: Session;
  readonly #reader: Session;
  readonly #runtime: Runtime;
  readonly #writer: GroupWriter;
  readonly #recent = new Recent();
  readonly #wakes = new Map<string, Set<Wake>>();
  #polling: Timer | undefined;
  /** Random, made with the log. */
  readonly id: string;

  private constructor({ engine, writer, reader, options, id }: Parts) {
    this.id = id;
    this.#engine = engine;
    this.#session = writer;
    this.#reader = reader;
    this.#runtime = options.runtime;
    const { runtime, metrics, onFatal } = options;
    const meter = new LaneMeter(metrics, "broker", runtime.clock);
    const refusal = (error: unknown) => refused(error, error === undefined ? undefined : engine.classify(error));
    this.#writer = new GroupWriter({ engine, session: writer, runtime, meter, onFatal, refusal });
  }

  static async open(options: LogOptions): Promise<Log> {
    const { file, durability, known, runtime } = options;
    const engine = sqliteEngine({ file, durability, onMissing: whenMissing(known) });
    await using begun = new AsyncDisposableStack();
    const writer = await engine.open("writer");
    begun.defer(async () => writer.close());
    // A log of an older version has no id yet.
    await migrate({ engine, session: writer }, [{ owner: "broker", migrations: brokerMigrations }]);
    await requireKnown(writer, known);
    const id = await identify({ engine, session: writer }, runtime);
    const reader = await engine.open("reader");
    begun.defer(async () => reader.close());
    if (options.maxBytes !== undefined) {
      const { rows } = await writer.run("PRAGMA page_size");
      const pages = Math.floor(options.maxBytes / numberOf(rows[0] ?? {}, "page_size"));
      await writer.run(`PRAGMA max_page_count = ${String(pages)}`);
    }
    const log = new Log({ engine, writer, reader, options, id });
    await log.#watch();
    begun.move();
    return log;
  }

  /** Woken by every append to the topic, and by every commit of another process. */
  onAppend(topic: string, wake: Wake): () => void {
    const wakes = this.#wakes.get(topic) ?? new Set();
    this.#wakes.set(topic, wakes.add(wake));
    return () => wakes.delete(wake);
  }

  async append({ name, epoch }: Producer, messages: readonly Envelope[]): Promise<void> {
    for (const { id, data, source, type, key, correlationId, causationId } of messages) {
      checkAttributes({ id, source, type, key, correlationId, causationId });
      const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.length;
      if (bytes > maxMessageBytes) throw brokerProblems.messageTooLarge({ id, bytes, limit: maxMessageBytes });
    }
    if (messages.length === 0) return;
    const { faults, clock } = this.#runtime;
    let last = 0;
    const seen = await this.#writer.write(async (session) => {
      faults.at("broker:appending");
      const { rows } = await session.run("SELECT epoch FROM producers WHERE name = ?", [name]);
      const known = rows[0] === undefined ? undefined : numberOf(rows[0], "epoch");
      if (known !== undefined && known > epoch) return known;
      if (known !== epoch) {
        const upsert =
          "INSERT INTO producers (name, epoch) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch";
        await session.run(upsert, [name, epoch]);
      }
      const at = Math.floor(clock.now());
      await session.insertMany({
        into: "log",
        columns: [...envelopeColumns, { name: "at", type: "bigint" }],
        rows: messages.map((message) => [...envelopeRow(message), at]),
      });
      const inserted = await session.run("SELECT last_insert_rowid() AS last");
      last = numberOf(inserted.rows[0] ?? {}, "last");
      return epoch;
    });
    if (seen !== epoch) {
      const reason = `${name} publishes under epoch ${String(epoch)}; ${String(seen)} has taken over.`;
      throw brokerProblems.staleEpoch({ reason });
    }
    this.#recent.add(last, messages);
    faults.at("broker:appended");
    for (const topic of new Set(messages.map(({ type }) => type))) {
      for (const wake of this.#wakes.get(topic) ?? []) wake.wake();
    }
  }

  /** Some of what comes next, at least one where there is any. */
  next(topic: string, after: number, limit: number): Promise<readonly Offset[]> {
    const known = this.#recent.after(after, limit, topic);
    return known === undefined
      ? this.read(topic, after, limit)
      : Promise.resolve(known.map(({ at, envelope }) => ({ offset: at, envelope })));
  }

  async read(topic: string, after: number, limit: number): Promise<readonly Offset[]> {
    const sql = `SELECT "offset", ${envelopeNames} FROM log WHERE type = ? AND "offset" > ? ORDER BY "offset" LIMIT ?`;
    const { rows } = await this.#reader.run(sql, [topic, after, limit]);
    return rows.map((row) => ({ offset: numberOf(row, "offset"), envelope: envelopeOf(row) }));
  }

  /** Messages of the topic behind an offset, counted so far that nobody has to wait for it. */
  async count(topic: string, after: number): Promise<number> {
    const sql = `SELECT count(*) AS waiting FROM (SELECT 1 FROM log WHERE type = ? AND "offset" > ? LIMIT ?)`;
    const { rows } = await this.#reader.run(sql, [topic, after, mostCounted]);
    return numberOf(rows[0] ?? {}, "waiting");
  }

  async ensure(groups: readonly GroupTopic[]): Promise<void> {
    if (groups.length === 0) return;
    const insert = `INSERT INTO positions ("group", topic, "offset") VALUES (?, ?, 0) ON CONFLICT DO NOTHING`;
    await this.#writer.write(async (session) => {
      for (const { group, topic } of groups) await session.run(insert, [group, topic]);
    });
  }

  async position({ group, topic }: GroupTopic): Promise<number> {
    const sql = `SELECT "offset" FROM positions WHERE "group" = ? AND topic = ?`;
    const { rows } = await this.#reader.run(sql, [group, topic]);
    return numberOf(rows[0] ?? { offset: 0 }, "offset");
  }

  /** Written with the next commit: a position is a hint, the inbox makes redelivery harmless. Monotone, and only under the lease that it was reached with. */
  move({ group, topic }: GroupTopic, { epoch, offset }: { readonly epoch: number; readonly offset: number }): void {
    const { faults } = this.#runtime;
    const name = leaseName({ group, topic });
    const sql = `UPDATE positions SET "offset" = ? WHERE "group" = ? AND topic = ? AND "offset" < ? AND EXISTS (SELECT 1 FROM holdfast_leases WHERE name = ? AND epoch = ?)`;
    this.#writer.later(name, {
      async work(session) {
        faults.at("position:moving");
        await session.run(sql, [offset, group, topic, offset, name, epoch]);
      },
      done: () => faults.at("position:moved"),
    });
  }

  flush = (): Promise<void> => this.#writer.flush();

  /** Takes the lease, or renews it; gives its epoch. */
  lease(of: GroupTopic, holder: { readonly owner: string; readonly ttlMs: number }): Promise<number | undefined> {
    return this.#writer.write(async (session) => {
      const lease = await takeLease(session, this.#runtime, { name: leaseName(of), ...holder });
      return lease?.epoch;
    });
  }

  giveUp(of: GroupTopic, { owner, epoch }: { readonly owner: string; readonly epoch: number }): Promise<void> {
    return this.#writer.write((session) => giveUpLease(session, { name: leaseName(of), epoch }, owner));
  }

  /** Drops what every group of its topic has passed and retention is over for, in chunks; true while there is more. */
  trim(now: number): Promise<boolean> {
    const topics = `WITH RECURSIVE t(type) AS (SELECT min(type) FROM log UNION ALL SELECT (SELECT min(type) FROM log WHERE type > t.type) FROM t WHERE t.type IS NOT NULL) SELECT type FROM t WHERE type IS NOT NULL`;
    const passed = `SELECT "offset" FROM log WHERE type = ? AND "offset" <= coalesce((SELECT min("offset") FROM positions WHERE topic = ?), 9e15) ORDER BY "offset" LIMIT ${String(chunk)}`;
    return this.#writer.write(async (session) => {
      const { rows } = await session.run(topics);
      let more = false;
      for (const { type } of rows) {
        // Written by a clock that was ahead: kept as if they were of now.
        const ahead = `UPDATE log SET at = ? WHERE "offset" IN (${passed}) AND at > ?`;
        await session.run(ahead, [Math.floor(now), type, type, Math.ceil(now + clockSkewMs)]);
        const sql = `DELETE FROM log WHERE "offset" IN (${passed}) AND at < ?`;
        const { changes } = await session.run(sql, [type, type, Math.floor(now - retentionMs)]);
        more ||= changes >= chunk;
      }
      return more;
    });
  }

  /** Why it cannot be used now; undefined where it can. */
  async check(): Promise<string | undefined> {
    return fileFault(this.#engine) ?? this.#writer.check();
  }

  async close(): Promise<void> {
    this.#polling?.cancel();
    await this.#writer.close();
    this.#polling?.cancel();
    await this.#session.close();
    await this.#reader.close();
    await this.#engine.close();
  }

  /** The version changes with commits of other connections than the one that asks: of other processes, and not our own. */
  async #watch(): Promise<void> {
    let version = await this.#version();
    let waitMs = poll.minMs;
    const look = async () => {
      const seen = await this.#version();
      waitMs = seen === version ? Math.min(poll.maxMs, waitMs * 2) : poll.minMs;
      if (seen !== version) for (const wakes of this.#wakes.values()) for (const wake of wakes) wake.wake();
      version = seen;
    };
    const again = () => {
      this.#polling = this.#runtime.timers.after(waitMs, () => {
        // A file that cannot be read now shows itself to everybody who reads or writes it.
        look().then(again, again);
      });
    };
    again();
  }

  async #version(): Promise<number> {
    const { rows } = await this.#session.run("PRAGMA data_version");
    return numberOf(rows[0] ?? {}, "data_version");
  }
}

function refused(error: unknown, kind: ErrorClass | undefined): Error {
  if (kind === undefined) return brokerProblems.unavailable({ reason: "The broker is closed." });
  return kind === "unwritable"
    ? brokerProblems.full(
        { reason: "The log of the broker cannot be written: its disk or its quota." },
        { cause: error },
      )
    : brokerProblems.unavailable({ reason: "The broker could not write its log." }, { cause: error });
}

const leaseName = ({ group, topic }: GroupTopic): string => `${group} ${topic}`;
