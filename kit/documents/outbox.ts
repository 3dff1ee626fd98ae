import type { OutboxRow } from "../messaging/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { fromStored, names } from "./kit-collections.ts";
import type { OutboxDoc } from "./settle.ts";

/**
 * The outbox as the relay reads it: rows are in the order of (document, version, n), and get a number when they are first seen. What a change of a document
 * let out is there before the document's next change, so within one key the numbers are in the order of the changes.
 */
export class Outbox {
  readonly #engine: DocumentEngine;
  readonly #numbers = new Map<string, number>();
  readonly #ids = new Map<number, string>();
  #last = 0;

  constructor(engine: DocumentEngine) {
    this.#engine = engine;
  }

  async rows(after: number, limit: number): Promise<readonly OutboxRow[]> {
    // Those that are numbered may be on their way: the scan must reach behind them.
    const reach = limit + this.#numbers.size;
    let found = await this.#engine.find(names.outbox, { limit: reach });
    const last = found.at(-1);
    if (this.#engine.scans === "moving" && last !== undefined) {
      // A scan may have passed over a row and met a later one of its key; what it met tells that the row is there by now.
      const met = new Set(found.map(({ _id }) => _id));
      const highest = new Map<string, string>();
      for (const _id of met) highest.set(keyOf(_id), _id);
      const again = await this.#engine.find(names.outbox, { limit: reach + found.length });
      found = again.filter(({ _id }) => (highest.get(keyOf(_id)) ?? "") >= _id);
    }
    const rows: OutboxRow[] = [];
    for (const each of found) {
      let seq = this.#numbers.get(each._id);
      if (seq === undefined) {
        seq = this.#last += 1;
        this.#numbers.set(each._id, seq);
        this.#ids.set(seq, each._id);
      }
      const { envelope } = each as unknown as OutboxDoc; // Proof: written by `letOut` alone.
      if (seq > after && rows.length < limit) rows.push({ seq, envelope: fromStored(envelope) });
    }
    return rows.toSorted((a, b) => a.seq - b.seq);
  }

  async remove(seqs: readonly number[]): Promise<void> {
    const ids = seqs.flatMap((seq) => this.#ids.get(seq) ?? []);
    await this.#engine.remove(names.outbox, ids);
    for (const seq of seqs) {
      this.#numbers.delete(this.#ids.get(seq) ?? "");
      this.#ids.delete(seq);
    }
  }
}

const keyOf = (id: string): string => id.slice(0, id.lastIndexOf("#"));
