/** A body in memory. */
export interface HeldBody {
  /** Counts more bytes. False where this body has given way. */
  add(bytes: number): boolean;
  /** The body is whole and gives way to nobody. */
  complete(): HeldBody;
  /** The body is not needed any more. */
  free(): void;
}

/**
 * Bounds the memory of all bodies of a port. Where they have more bytes than the limit, the body that has been arriving for longest gives way: clients
 * that send slowly make room for those that send at once. One that is alone may have any length.
 */
export class BodyMemory {
  readonly #limitBytes: number;
  #heldBytes = 0;
  #held = 0;
  /** Oldest first. */
  readonly #arriving = new Set<Held>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** @param giveWay refuses the request; the body is freed by then */
  hold(giveWay: () => void): HeldBody {
    const body = new Held(this, giveWay);
    this.#held += 1;
    this.#arriving.add(body);
    return body;
  }

  count(bytes: number): void {
    this.#heldBytes += bytes;
    for (const oldest of this.#arriving) {
      if (this.#heldBytes <= this.#limitBytes || this.#held === 1) return;
      oldest.free();
      oldest.giveWay();
    }
  }

  settle(body: Held): void {
    this.#arriving.delete(body);
  }

  release(body: Held, bytes: number): void {
    this.#arriving.delete(body);
    this.#held -= 1;
    this.#heldBytes -= bytes;
  }
}

class Held implements HeldBody {
  readonly giveWay: () => void;
  readonly #memory: BodyMemory;
  #bytes = 0;
  #freed = false;

  constructor(memory: BodyMemory, giveWay: () => void) {
    this.#memory = memory;
    this.giveWay = giveWay;
  }

  add(bytes: number): boolean {
    if (this.#freed) return false;
    this.#bytes += bytes;
    this.#memory.count(bytes);
    return !this.#freed;
  }

  complete(): HeldBody {
    this.#memory.settle(this);
    return this;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#memory.release(this, this.#bytes);
  }
}
