import type { OutboxRow } from "../messaging/index.ts";
import type { Doc, DocumentEngine } from "./engine.ts";
import { fromStored, names } from "./kit-collections.ts";
import type { OutboxDoc } from "./settle.ts";

/**
 * The outbox as the relay reads it: rows are in the order of (document, version, n), and get a number when they are first seen. What a change of a document
 * let out is there before the document's next change, so within one key the numbers are in the order of the changes.
 */
export class Outbox {
  readonly #engine: Pick<DocumentEngine, "scans" | "get" | "find" | "remove">;
  /** Of those that were seen and are not removed; ids in the order of their numbers. */
  readonly #numbers = new Map<string, number>();
  readonly #ids = new Map<number, string>();
  /** Removed since the running scan began: it may have met them. */
  readonly #gone = new Set<string>();
  #last = 0;

  constructor(engine: Pick<DocumentEngine, "scans" | "get" | "find" | "remove">) {
    this.#engine = engine;
  }

  async rows(after: number, limit: number): Promise<readonly OutboxRow[]> {
    this.#gone.clear();
    // Those that are numbered may be on their way: the scan must reach behind them.
    const found = await this.#scan(limit + this.#numbers.size);
    for (const id of found.keys()) if (!this.#gone.has(id)) this.#number(id);
    const rows: OutboxRow[] = [];
    // By their numbers, whether the scan reached them or not: one that were left out would be passed over, and what follows it in its key would come first.
    for (const [seq, id] of this.#ids) {
      if (rows.length === limit) break;
      if (seq <= after) continue;
      const row = found.get(id) ?? (await this.#engine.get(names.outbox, id));
      if (row === undefined || this.#gone.has(id)) this.#forget(seq);
      // Proof: written by `lettingOut` alone.
      else rows.push({ seq, envelope: fromStored((row as unknown as OutboxDoc).envelope) });
    }
    return rows;
  }

  async remove(seqs: readonly number[]): Promise<void> {
    const ids = seqs.flatMap((seq) => this.#ids.get(seq) ?? []);
    await this.#engine.remove(names.outbox, ids);
    for (const id of ids) this.#gone.add(id);
    for (const seq of seqs) this.#forget(seq);
  }

  async #scan(reach: number): Promise<ReadonlyMap<string, Doc>> {
    const found = byId(await this.#engine.find(names.outbox, { limit: reach }));
    if (this.#engine.scans === "snapshot" || found.size === 0) return found;
    // A scan may have passed over a row and met a later one of its key; what it met tells that the row is there by now.
    const highest = new Map<string, string>();
    for (const id of found.keys()) highest.set(keyOf(id), id);
    const again = await this.#engine.find(names.outbox, { limit: reach + found.size });
    return byId(again.filter(({ _id }) => (highest.get(keyOf(_id)) ?? "") >= _id));
  }

  #number(id: string): void {
    if (this.#numbers.has(id)) return;
    const seq = (this.#last += 1);
    this.#numbers.set(id, seq);
    this.#ids.set(seq, id);
  }

  #forget(seq: number): void {
    this.#numbers.delete(this.#ids.get(seq) ?? "");
    this.#ids.delete(seq);
  }
}

const byId = (docs: readonly Doc[]): ReadonlyMap<string, Doc> => new Map(docs.map((doc) => [doc._id, doc]));
const keyOf = (id: string): string => id.slice(0, id.lastIndexOf("#"));
