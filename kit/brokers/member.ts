import { backoffMs, makePace, makeWake, type Subscribe } from "../messaging/index.ts";
import type { Runtime, Timer } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Log } from "./log.ts";

export interface MemberOptions {
  readonly store: Log;
  readonly subscribe: Subscribe;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Told when a member has left, so that others of this process need not wait to take its place. */
  readonly onLeave: () => void;
}

const leaseMs = 3_000;
/** How often a member without the lease asks for it. */
const standbyMs = 500;
/** Appends wake a reader; this is for the one that was missed. */
const idleMs = 5_000;
const failing = { baseMs: 100, capMs: 5_000 };

interface Held {
  readonly epoch: number;
  readonly lost: AbortController;
}

/** One instance of a group on one topic: reads while it holds the lease, stands by while another does. */
export class Member {
  readonly #o: MemberOptions;
  readonly #owner: string;
  readonly #closing = new AbortController();
  readonly #appended: ReturnType<typeof makeWake>;
  readonly #standby: ReturnType<typeof makeWake>;
  readonly #running: Promise<void>;
  #held: Held | undefined;
  #expiry: Timer | undefined;
  /** Delivered up to here by this member. */
  #position = 0;

  constructor(options: MemberOptions) {
    this.#o = options;
    this.#owner = `pid:${String(process.pid)}:${options.runtime.ids.uuidv7()}`;
    this.#appended = makeWake(options.runtime.timers);
    this.#standby = makeWake(options.runtime.timers);
    this.#running = this.#run();
  }

  async lag(): Promise<number> {
    const { store, subscribe } = this.#o;
    return store.count(subscribe.topic, Math.max(this.#position, await store.position(subscribe)));
  }

  /** The lease may be free now. */
  wake(): void {
    this.#standby.wake();
  }

  /** Called every second; members of one process that are renewed together share a commit. */
  async renew(): Promise<void> {
    const held = this.#held;
    if (held === undefined || held.lost.signal.aborted) return;
    const { store, subscribe, runtime } = this.#o;
    const askedAt = runtime.clock.monotonic();
    try {
      const epoch = await store.lease(subscribe, { owner: this.#owner, ttlMs: leaseMs });
      if (this.#held !== held || held.lost.signal.aborted) return;
      if (epoch === held.epoch) this.#expireAfter(askedAt, held);
      else held.lost.abort();
    } catch {
      // The lease ends by its time unless a later renewal succeeds.
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #expireAfter(askedAt: number, { lost }: Held): void {
    const { clock, timers } = this.#o.runtime;
    this.#expiry?.cancel();
    this.#expiry = timers.after(askedAt + leaseMs - clock.monotonic(), () => lost.abort());
  }

  async #run(): Promise<void> {
    const { store, subscribe, runtime, log } = this.#o;
    const { group, topic } = subscribe;
    const closing = this.#closing.signal;
    const forget = store.onAppend(topic, this.#appended);
    for (let failures = 0; !closing.aborted;) {
      try {
        const askedAt = runtime.clock.monotonic();
        const epoch = await store.lease(subscribe, { owner: this.#owner, ttlMs: leaseMs });
        failures = 0;
        if (epoch === undefined) {
          await this.#standby.wait(standbyMs, closing);
          continue;
        }
        const held = { epoch, lost: new AbortController() };
        this.#held = held;
        this.#expireAfter(askedAt, held);
        await this.#consume(held);
        if (held.lost.signal.aborted) log.warn("a group's lease was lost", { group, topic, epoch });
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn("the broker's log cannot be read", { group, topic, error });
        await runtime.timers.sleep(backoffMs(runtime.random, failures, failing), closing);
      } finally {
        this.#expiry?.cancel();
      }
    }
    forget();
    await this.#leave();
  }

  async #consume({ epoch, lost }: Held): Promise<void> {
    const { store, subscribe, runtime, log } = this.#o;
    const { group, topic, batch, deliver } = subscribe;
    const ended = AbortSignal.any([lost.signal, this.#closing.signal]);
    this.#position = await store.position(subscribe);
    let failures = 0;
    const pace = makePace(runtime);
    while (!ended.aborted) {
      await pace(ended);
      const messages = await store.next(topic, this.#position, batch);
      const last = messages.at(-1);
      if (last === undefined) {
        await this.#appended.wait(idleMs, ended);
        continue;
      }
      if (ended.aborted) return;
      try {
        await deliver(
          messages.map(({ offset, envelope }) => ({ envelope, position: `${topic}/${String(offset)}` })),
          lost.signal,
        );
      } catch (error) {
        failures += 1;
        if (failures === 1 && !ended.aborted) {
          log.warn("a batch was not taken in; it comes again", { group, topic, error });
        }
        await runtime.timers.sleep(backoffMs(runtime.random, failures, failing), ended);
        continue;
      }
      failures = 0;
      this.#position = last.offset;
      store.move(subscribe, { epoch, offset: last.offset });
    }
  }

  async #leave(): Promise<void> {
    const { store, subscribe, log, onLeave } = this.#o;
    if (this.#held === undefined) return;
    const { epoch } = this.#held;
    this.#held = undefined;
    try {
      await store.flush();
      await store.giveUp(subscribe, { owner: this.#owner, epoch });
      onLeave();
    } catch (error) {
      const { group, topic } = subscribe;
      log.warn("a group's lease could not be given back; it expires", { group, topic, error });
    }
  }
}
