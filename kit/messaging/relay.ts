import { findProblem, isProblem } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { backoffMs } from "./backoff.ts";
import type { Broker, Producer } from "./broker.ts";
import { holdLease, type HeldLease } from "./held-lease.ts";
import { makePace } from "./pace.ts";
import type { OutboxRow, Store } from "./store.ts";
import { makeWake } from "./wake.ts";

export interface RelayOptions {
  readonly store: Pick<Store<unknown>, "id" | "outbox" | "confirm" | "onOutbox" | "lease" | "release">;
  readonly broker: Pick<Broker, "publish">;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Name of the service: with the store's id it is the name of the producer. */
  readonly service: string;
  /** Unique for this process. */
  readonly owner: string;
}

export interface Relay {
  /** Publishes what is in the outbox, until `deadline` on the monotonic clock; then releases the lease. */
  drain(deadline: number): Promise<void>;
}

const leaseMs = 3_000;
/** How often an instance without the lease asks for it. */
const standbyMs = 500;
const batchSize = 500;
/** Batches that are published but not deleted yet. */
const maxUnconfirmed = 4;
const shortestIdleMs = 5;
const longestIdleMs = 250;
const failing = { baseMs: 100, capMs: 10_000 };

/**
 * Moves the outbox to the broker, in order, at least once. One instance works at a time, by a lease; after a take-over the
 * new one begins with what is still there, so that first arrivals stay in order and the inbox drops the rest.
 */
export function startRelay(options: RelayOptions): Relay {
  const { store, runtime, log, owner } = options;
  const { clock, timers, random } = runtime;
  const wake = makeWake(timers);
  store.onOutbox(() => wake.wake());
  const draining = new AbortController();
  const stopped = new AbortController();
  let held: HeldLease | undefined;

  const run = async () => {
    let failures = 0;
    // Every holding has an owner of its own, so that every holding has an epoch of its own.
    for (let holding = 1; !stopped.signal.aborted;) {
      try {
        held = await holdLease({ store, runtime, name: "relay", owner: `${owner}:${String(holding)}`, ttlMs: leaseMs });
        if (stopped.signal.aborted) {
          await held?.release();
          return;
        }
        if (held === undefined) {
          if (draining.signal.aborted) return;
          await timers.sleep(standbyMs, draining.signal);
          continue;
        }
        if (failures > 0) log.info("the relay has its lease again", { failures });
        failures = 0;
        holding += 1;
        const ended = await new Pump(options, held, wake, draining.signal).run();
        await held.release();
        if (ended === "drained" || stopped.signal.aborted) return;
        log.warn("the relay lost its lease", { epoch: held.lease.epoch });
        await timers.sleep(backoffMs(random, 1, failing), stopped.signal);
      } catch (error) {
        if (draining.signal.aborted) return;
        failures += 1;
        if (failures === 1) log.warn("the relay cannot have its lease; it goes on trying", { error });
        await timers.sleep(standbyMs + backoffMs(random, 4, failing), draining.signal);
      }
    }
  };
  const ended = run();

  return {
    async drain(deadline) {
      draining.abort();
      wake.wake();
      const late = new AbortController();
      if (stopped.signal.aborted) return;
      await Promise.race([ended, timers.sleep(deadline - clock.monotonic(), late.signal)]);
      late.abort();
      stopped.abort();
      await held?.release().catch((error: unknown) => log.warn("the relay could not release its lease", { error }));
    },
  };
}

/** The work of one holding of the lease. */
class Pump {
  readonly #options: RelayOptions;
  readonly #held: HeldLease;
  readonly #wake: ReturnType<typeof makeWake>;
  readonly #draining: AbortSignal;
  readonly #producer: Producer;
  /** Published, and their deletion is on its way. */
  readonly #unconfirmed = new Set<number>();
  readonly #confirms = new Set<Promise<void>>();
  /** Keys with a message that can never be published; nothing of them is published while this process holds the lease. */
  readonly #heldKeys = new Set<string>();
  readonly #pace: ReturnType<typeof makePace>;
  #after = 0;
  /** The last row that it was given. */
  #reached = 0;
  /** When it last began anew. */
  #fromStart = 0;
  /** In a row, of publishing or of deleting. */
  #failures = 0;
  #confirmError: { readonly error: unknown } | undefined;

  constructor(options: RelayOptions, held: HeldLease, wake: ReturnType<typeof makeWake>, draining: AbortSignal) {
    this.#options = options;
    this.#held = held;
    this.#wake = wake;
    this.#draining = draining;
    this.#pace = makePace(options.runtime);
    this.#producer = { name: `${options.service}/${options.store.id}`, epoch: held.lease.epoch };
  }

  async run(): Promise<"drained" | "lost"> {
    const { log, runtime } = this.#options;
    const { lost } = this.#held;
    let idleMs = shortestIdleMs;
    while (!lost.aborted) {
      try {
        if (await this.#step()) {
          idleMs = shortestIdleMs;
          continue;
        }
        if (this.#draining.aborted) await Promise.all(this.#confirms);
        this.#throwConfirmError();
        if (this.#confirms.size === 0) this.#recovered();
        if (this.#draining.aborted) return "drained";
        await this.#wake.wait(idleMs, lost);
        idleMs = Math.min(idleMs * 2, longestIdleMs);
      } catch (error) {
        if (isProblem(error, "kit/stale-epoch")) return "lost";
        this.#failures += 1;
        this.#after = 0;
        if (this.#failures === 1)
          log.warn("the relay cannot publish, or not delete what it has published; it goes on trying", { error });
        await runtime.timers.sleep(backoffMs(runtime.random, this.#failures, failing), lost);
      }
    }
    return "lost";
  }

  /** One batch; false when there was nothing to do. */
  async #step(): Promise<boolean> {
    const { store, runtime } = this.#options;
    this.#throwConfirmError();
    if (this.#confirms.size >= maxUnconfirmed) await Promise.race(this.#confirms);
    await this.#pace(this.#draining);
    const anew = this.#after < this.#reached;
    // Rows may be deleted while they are read: they are published all the same.
    const published = anew ? new Set(this.#unconfirmed) : this.#unconfirmed;
    const fetched = await store.outbox(this.#after, batchSize);
    const last = fetched.at(-1);
    if (last === undefined) {
      // Where several transactions write at once, a row may be committed after one with a higher number: it is looked for now and then.
      const now = runtime.clock.monotonic();
      if (anew) this.#after = this.#reached;
      else if (now - this.#fromStart >= longestIdleMs && this.#unconfirmed.size < batchSize) {
        this.#fromStart = now;
        this.#after = 0;
      }
      return false;
    }
    runtime.faults.at("relay:fetched");
    const rows = fetched.filter((row) => !published.has(row.seq) && !this.#heldKeys.has(keyOf(row)));
    if (rows.length > 0) {
      if (this.#held.lost.aborted) return false;
      runtime.faults.at("relay:publishing");
      const done = await this.#publish(rows);
      runtime.faults.at("relay:confirmed");
      this.#confirm(done.map(({ seq }) => seq));
    }
    this.#reached = Math.max(this.#reached, last.seq);
    // Where that was all that is left, it goes on where it was: what lies between has been published, and may still be in memory.
    this.#after = fetched.length < batchSize ? this.#reached : last.seq;
    return rows.length > 0 || fetched.length === batchSize;
  }

  /** Gives the rows that were published. What can never be published stays in the outbox and holds its key. */
  async #publish(rows: readonly OutboxRow[]): Promise<readonly OutboxRow[]> {
    const { broker, log } = this.#options;
    try {
      await broker.publish(
        this.#producer,
        rows.map(({ envelope }) => envelope),
      );
      return rows;
    } catch (error) {
      if (!isHopeless(error)) throw error;
    }
    const published: OutboxRow[] = [];
    for (const row of rows) {
      if (this.#heldKeys.has(keyOf(row))) continue;
      try {
        await broker.publish(this.#producer, [row.envelope]);
        published.push(row);
      } catch (error) {
        if (!isHopeless(error)) throw error;
        this.#heldKeys.add(keyOf(row));
        const { id, type } = row.envelope;
        log.critical("a message cannot be published; it stays in the outbox and holds its key", { id, type, error });
      }
    }
    return published;
  }

  /** Not awaited: the next batch is published while this one is deleted. */
  #confirm(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    const { store, runtime } = this.#options;
    for (const seq of seqs) this.#unconfirmed.add(seq);
    const confirm = async () => {
      try {
        await store.confirm(this.#held.lease, seqs);
        runtime.faults.at("relay:deleted");
        this.#recovered();
      } catch (error) {
        this.#confirmError ??= { error };
        this.#wake.wake();
      } finally {
        for (const seq of seqs) this.#unconfirmed.delete(seq);
        this.#confirms.delete(confirming);
      }
    };
    const confirming: Promise<void> = Promise.resolve().then(confirm);
    this.#confirms.add(confirming);
  }

  #throwConfirmError(): void {
    const failed = this.#confirmError;
    this.#confirmError = undefined;
    if (failed !== undefined) throw failed.error;
  }

  #recovered(): void {
    if (this.#failures > 0) this.#options.log.info("the relay publishes again", { failures: this.#failures });
    this.#failures = 0;
  }
}

const keyOf = ({ envelope: { type, key } }: OutboxRow): string => `${type} ${key}`;
const isHopeless = (error: unknown): boolean => findProblem(error)?.retryable === false;
