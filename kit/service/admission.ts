import type { Clock } from "../runtime/index.ts";

/** So few are no queue, however slow the store is: clients that each wait for their answer, a burst. */
const few = 64;
/** What is admitted while there is too much to do waits about so long for the work of others, and for commits beside. */
const workMs = 12;
/** So many: of the group at work and of its own, and of a batch of messages that takes its turn before each. */
const commits = 4;
/** A wait that stands above the target for this long is no burst; a pause of 200 ms at seven tenths of the capacity is worked off by then. */
const standsMs = 600;
/** So far above the target is a wait that no burst explains. */
const burstMs = 250;
/** How long departures are counted for a rate. */
const windowMs = 100;
/** After so long without a queue, what the store could do is not known any more: the machine may have been slower then. */
const restMs = 1_000;
/** What a pause of 200 ms cannot fill. */
const enoughWindows = 3;
/** The best rate seen is believed a tenth less with every window: a pause of the process is not taken for a slow store. */
const forgetting = 1.1;

/** What admission knows of a store. */
export interface Committing {
  /** How long a commit took of late, in milliseconds: nobody waits less, however little there is to do. 0 before the first. */
  commitMs(): number;
}

/**
 * Units of one kind that wait for a store or are at work in it. As a unit awaits nothing else, the time that a new one will take is told by how many
 * there are and how fast they leave (Little's law), whatever the engine. When that stands above a target, or is far above it, new ones are refused until it is
 * back: so the controlled delay of CoDel (Nichols and Jacobson, 2012) with the two limits of "Fail at Scale" (Maurer, 2015), applied at the entrance,
 * where a refusal is cheapest. What was admitted is never refused by it. The target is what keeps a store at work: it commits one group
 * after the other, so with quick commits short groups will do, and with slow ones many wait that are no queue, but the next group.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #store: Committing;
  #inHand = 0;
  /** Milliseconds from one departure to the next while many wait. */
  #gapMs = Number.POSITIVE_INFINITY;
  /** Windows that were counted; after a few of them the rate is known. */
  #windows = 0;
  #windowFrom = 0;
  #left = 0;
  /** When more than a few were last seen in hand. */
  #manyAt = 0;
  /** When the wait was last at the target or below. */
  #lowAt = 0;
  #refusingUntil = Number.NEGATIVE_INFINITY;
  #refused = 0;

  constructor(clock: Clock, store: Committing) {
    this.#clock = clock;
    this.#store = store;
  }

  enter(): void {
    this.#inHand += 1;
    if (this.#inHand !== few) return;
    const now = this.#clock.monotonic();
    if (now - this.#manyAt > restMs) {
      this.#gapMs = Number.POSITIVE_INFINITY;
      this.#windows = 0;
    }
    this.#manyAt = now;
    this.#lowAt = now;
    this.#windowFrom = now;
    this.#left = 0;
  }

  leave(): void {
    this.#inHand -= 1;
    this.#left += 1;
  }

  /** Whether a request that comes now may go on; one that may not is counted. */
  admits(): boolean {
    if (this.#inHand < few) return true;
    const now = this.#clock.monotonic();
    this.#manyAt = now;
    this.#measure(now);
    const wait = this.waitMs;
    const target = workMs + commits * this.#store.commitMs();
    if (wait <= target) {
      this.#lowAt = now;
      return true;
    }
    if (now >= this.#refusingUntil && wait <= target + burstMs && now - this.#lowAt < standsMs) return true;
    this.#refusingUntil = now + standsMs;
    this.#refused += 1;
    return false;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** What a request that came now would wait, in milliseconds; 0 while there is no queue to speak of. */
  get waitMs(): number {
    return this.#inHand < few || this.#windows < enoughWindows ? 0 : this.#inHand * this.#gapMs;
  }

  /** Since the start. */
  get refused(): number {
    return this.#refused;
  }

  #measure(now: number): void {
    const ms = now - this.#windowFrom;
    if (ms < windowMs) return;
    const gap = ms / Math.max(1, this.#left);
    this.#gapMs = Math.min(gap, this.#gapMs * forgetting);
    this.#windows += 1;
    this.#windowFrom = now;
    this.#left = 0;
  }
}

/** Reads and writes of a service wait in different queues: neither is refused for the other. */
export interface Admissions {
  readonly reads: Admission;
  readonly writes: Admission;
}

export const admissions = (clock: Clock, store: Committing): Admissions => ({
  reads: new Admission(clock, store),
  writes: new Admission(clock, store),
});
