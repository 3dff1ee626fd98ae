import type { Envelope } from "./envelope.ts";
import { isStorable } from "./storable.ts";

/** A message at its place in a sequence without holes that many may write: an outbox, a log. */
export interface Placed {
  readonly at: number;
  readonly envelope: Envelope;
}

/** Kept at the most; twice as many for a moment. */
const most = { messages: 1_000, characters: 4_000_000 };

/**
 * The end of a sequence as this process wrote it, so that its own readers, who follow closely, need not read back what was in memory a moment ago. What
 * it does not hold it does not know: others may have written before and after.
 */
export class Recent {
  #kept: Placed[] = [];
  #characters = 0;

  /** What was committed, up to `last`. Where another process has written in between, it begins anew. */
  add(last: number, envelopes: readonly Envelope[]): void {
    const first = last - envelopes.length + 1;
    if (first !== (this.#kept.at(-1)?.at ?? 0) + 1) this.clear();
    for (const [index, envelope] of envelopes.entries()) {
      // A store keeps it in another form.
      if (!isPlain(envelope)) {
        this.clear();
        continue;
      }
      this.#kept.push({ at: first + index, envelope });
      this.#characters += envelope.data.length;
    }
    if (this.#kept.length > 2 * most.messages || this.#characters > 2 * most.characters) this.#shorten();
  }

  /** The next of `type` (or of all) behind a place; undefined where that is not known here: none, or older ones than it holds. */
  after(place: number, limit: number, type?: string): readonly Placed[] | undefined {
    const [first] = this.#kept;
    if (first === undefined || place < first.at - 1) return undefined;
    const found: Placed[] = [];
    for (let index = place - first.at + 1; index < this.#kept.length && found.length < limit; index += 1) {
      const each = this.#kept[index];
      if (each !== undefined && (type === undefined || each.envelope.type === type)) found.push(each);
    }
    return found.length === 0 ? undefined : found;
  }

  clear(): void {
    this.#kept = [];
    this.#characters = 0;
  }

  #shorten(): void {
    let from = this.#kept.length;
    let characters = 0;
    while (from > 0 && this.#kept.length - from < most.messages && characters <= most.characters) {
      from -= 1;
      characters += this.#kept[from]?.envelope.data.length ?? 0;
    }
    this.#kept = this.#kept.slice(from);
    this.#characters = characters;
  }
}

function isPlain({
  id,
  source,
  type,
  key,
  correlationId,
  causationId = "",
  traceparent = "",
  data,
}: Envelope): boolean {
  if (typeof data !== "string") return false;
  return [id, source, type, key, correlationId, causationId, traceparent, data].every(isStorable);
}
