/** A transaction of a consumer has the store for about so long; then requests have their turn. */
const holdMs = 10;

/** How many messages of a subscription one transaction takes, by what the last one has cost: a slow handler gets short batches, not long turns. */
export class Slices {
  readonly #most = new Map<string, number>();

  sizeFor(subscription: string): number {
    return this.#most.get(subscription) ?? Number.POSITIVE_INFINITY;
  }

  /** Told what a transaction took. It grows to twice as many at the most: one that was lucky is no measure. */
  took(subscription: string, messages: number, ms: number): void {
    // A short batch that was quick says nothing of a long one.
    if (ms <= holdMs && messages < this.sizeFor(subscription)) return;
    this.#most.set(
      subscription,
      Math.max(1, Math.min(messages * 2, Math.floor((messages * holdMs) / Math.max(1, ms)))),
    );
  }
}
