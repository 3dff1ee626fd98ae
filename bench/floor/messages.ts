import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore, type FloorStore } from "./store.ts";

interface Row {
  readonly id: number;
  readonly event_id: string;
  readonly type: string;
  readonly payload: string;
}

/** A durable log in its own file. */
export class Log {
  readonly #store: FloorStore;
  readonly #reader: DatabaseSync;
  readonly #consumers: { wake(): void }[] = [];
  readonly read;
  readonly #append;

  constructor(folder: string) {
    this.#store = openStore(
      folder,
      "log",
      "CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, payload TEXT NOT NULL);",
    );
    this.#reader = new DatabaseSync(path.join(folder, "log.db"), { readOnly: true });
    this.#append = this.#store.db.prepare("INSERT OR IGNORE INTO log(event_id, type, payload) VALUES (?, ?, ?)");
    const select = this.#reader.prepare(
      "SELECT id, event_id, type, payload FROM log WHERE id > ? ORDER BY id LIMIT 500",
    );
    this.read = (after: number) => select.all(after) as unknown as readonly Row[]; // Proof: the columns of the statement.
  }

  append(rows: readonly Row[]): Promise<void> {
    return this.#store.unit(() => {
      for (const { event_id, type, payload } of rows) this.#append.run(event_id, type, payload);
    });
  }
  add(consumer: { wake(): void }): void {
    this.#consumers.push(consumer);
  }
  wakeAll(): void {
    for (const consumer of this.#consumers) consumer.wake();
  }
}

/** Carries an outbox to the log, in order. After a restart the log's unique ids absorb a second append. */
export function relayOf(log: Log, store: FloorStore): () => void {
  let running = false;
  let at = 0;
  const run = async () => {
    for (;;) {
      const rows = store.sql.takeOut.all(at) as unknown as readonly Row[]; // Proof: the columns of the statement.
      const last = rows.at(-1);
      if (last === undefined) break;
      await log.append(rows);
      at = last.id;
      store.later(() => void store.sql.dropOut.run(last.id));
      log.wakeAll();
    }
    running = false;
  };
  return () => {
    if (running) return;
    running = true;
    void run();
  };
}

/** Takes messages in, each once, a unit each; the position moves in the same commit. */
export class Consumer<T> {
  readonly #store: FloorStore;
  readonly #log: Log;
  readonly #types: readonly string[];
  readonly #effect: (type: string, event: T) => void;
  #after: () => void = () => undefined;
  #running = false;
  #at: number;

  constructor(log: Log, store: FloorStore, types: readonly string[], effect: (type: string, event: T) => void) {
    this.#store = store;
    this.#log = log;
    this.#types = types;
    this.#effect = effect;
    this.#at = Number(store.db.prepare("SELECT seq FROM cursor").get()?.["seq"]);
    log.add(this);
  }

  /** Called after each batch. */
  relay(after: () => void): void {
    this.#after = after;
    after();
  }

  wake(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const move = this.#store.db.prepare("UPDATE cursor SET seq = ?");
    for (;;) {
      const rows = this.#log.read(this.#at);
      const last = rows.at(-1);
      if (last === undefined) break;
      const units = rows
        .filter(({ type }) => this.#types.includes(type))
        .map(({ event_id, type, payload }) =>
          this.#store.unit(() => {
            // Proof: written by `publish` of the service that owns the event.
            if (this.#store.sql.mark.run(event_id).changes === 1) this.#effect(type, JSON.parse(payload) as T);
          }),
        );
      units.push(this.#store.unit(() => void move.run(last.id)));
      await Promise.all(units);
      this.#at = last.id;
      this.#after();
    }
    this.#running = false;
  }
}
