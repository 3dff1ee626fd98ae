import path from "node:path";
import { DatabaseSync } from "node:sqlite";

export type Rows = readonly Readonly<Record<string, unknown>>[];

/** The services' own stores, each read through a read-only connection. */
export class Stores implements Disposable {
  readonly #data: string;
  readonly #open = new Map<string, DatabaseSync>();

  constructor(data: string) {
    this.#data = data;
  }

  rows(name: string, sql: string): Rows {
    let db = this.#open.get(name);
    if (db === undefined) {
      db = new DatabaseSync(path.join(this.#data, `${name}.db`), { readOnly: true, timeout: 5_000 });
      this.#open.set(name, db);
    }
    return db.prepare(sql).all();
  }

  /** The first column, as text. */
  column(name: string, sql: string): readonly string[] {
    return this.rows(name, sql).map((row) => String(Object.values(row)[0]));
  }

  number(name: string, sql: string): number {
    return Number(this.column(name, sql)[0]);
  }

  /** Documents of a collection that are no tombstones. */
  documents(name: string, collection: string): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    const found = new Map<string, Readonly<Record<string, unknown>>>();
    for (const { id, doc } of this.rows(name, `SELECT id, doc FROM "${collection}"`)) {
      // Proof: written by the document engine as a JSON object.
      const parsed = JSON.parse(String(doc)) as Readonly<Record<string, unknown>>;
      if (parsed["deleted"] !== true) found.set(String(id), parsed);
    }
    return found;
  }

  [Symbol.dispose](): void {
    for (const db of this.#open.values()) db.close();
  }
}
