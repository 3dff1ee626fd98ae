/** How much the last one counts for in the mean. */
const weight = 1 / 8;

/** How long commits, or whatever makes a store's writes durable, took of late. */
export class CommitTime {
  #ms: number | undefined;

  /** In milliseconds; 0 before the first. */
  get ms(): number {
    return this.#ms ?? 0;
  }

  took(ms: number): void {
    this.#ms = this.#ms === undefined ? ms : this.#ms + (ms - this.#ms) * weight;
  }
}
