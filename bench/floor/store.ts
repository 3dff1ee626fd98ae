import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** A file with an outbox and an inbox; units that wait at the same time share a commit. */
export interface FloorStore {
  readonly db: DatabaseSync;
  readonly sql: { readonly takeOut: StatementSync; readonly dropOut: StatementSync; readonly mark: StatementSync };
  /** One unit of work in a savepoint; resolves after the commit. */
  unit(work: () => void): Promise<void>;
  /** Joins the next commit, at the latest after 100 ms. */
  later(work: () => void): void;
  /** Inside a unit. */
  publish(type: string, data: object): void;
}

interface Waiting {
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  error?: unknown;
}

export function openStore(folder: string, name: string, ddl: string): FloorStore {
  mkdirSync(folder, { recursive: true });
  const db = new DatabaseSync(path.join(folder, `${name}.db`));
  db.exec(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA wal_autocheckpoint=4000;",
  );
  db.exec(`${ddl}
    CREATE TABLE IF NOT EXISTS outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS inbox(event_id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cursor(one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
    INSERT OR IGNORE INTO cursor VALUES (1, 0);`);
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const save = db.prepare("SAVEPOINT u");
  const release = db.prepare("RELEASE u");
  const undo = db.prepare("ROLLBACK TO u");
  const insert = db.prepare("INSERT INTO outbox(event_id, type, payload) VALUES (?, ?, ?)");
  let queue: Waiting[] = [];
  let scheduled = false;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    scheduled = false;
    const batch = queue;
    queue = [];
    try {
      begin.run();
      for (const each of batch) {
        save.run();
        try {
          each.work();
        } catch (error) {
          each.error = error;
          undo.run();
        }
        release.run();
      }
      commit.run();
    } catch (error) {
      if (db.isTransaction) rollback.run();
      for (const each of batch) each.error = error;
    }
    for (const { error, resolve, reject } of batch) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }

  return {
    db,
    sql: {
      takeOut: db.prepare("SELECT id, event_id, type, payload FROM outbox WHERE id > ? ORDER BY id LIMIT 500"),
      dropOut: db.prepare("DELETE FROM outbox WHERE id <= ?"),
      mark: db.prepare("INSERT OR IGNORE INTO inbox(event_id) VALUES (?)"),
    },
    unit: (work) =>
      new Promise((resolve, reject) => {
        queue.push({ work, resolve, reject });
        if (scheduled) return;
        scheduled = true;
        setImmediate(flush);
      }),
    later(work) {
      queue.push({
        work,
        resolve: () => undefined,
        reject: (error) => {
          throw error;
        },
      });
      timer ??= setTimeout(() => {
        timer = undefined;
        if (queue.length > 0 && !scheduled) flush();
      }, 100);
    },
    publish: (type, data) => void insert.run(randomUUID(), type, JSON.stringify(data)),
  };
}
