/** Requests of one endpoint that are in its `prepare` at a time, before a client's are refused. */
const most = 512;

/** Counts the requests of one endpoint that are in its `prepare`, where they wait for other services and not for the store. */
export class Preparing {
  #count = 0;

  get full(): boolean {
    return this.#count >= most;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts until the work ends, or until the signal aborts: a `prepare` that never ends does not close its endpoint for good. */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let counted = true;
    const leave = () => {
      if (counted) this.#count -= 1;
      counted = false;
    };
    this.#count += 1;
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await work();
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }
}
