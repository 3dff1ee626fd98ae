import { Bell, pauses, type Broker, type Subscribe, type Subscription } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { Log } from "./log.ts";

export interface EmbeddedOptions {
  /** The file of the log; shared by all processes of the machine. */
  readonly file: string;
  /** `none`: tests only. */
  readonly durability: "full" | "none";
  readonly runtime: Runtime;
  readonly log: Logger;
}

const leaseMs = 3_000;
const renewMs = 1_000;
/** Other processes' appends are found by polling. */
const poll = { minMs: 10, maxMs: 100 };
/** Positions are written this late at the most. */
const moveMs = 100;
const trimMs = 60_000;

/** A durable log in one SQLite file. A topic's messages go to one member of each group at a time: whoever holds the lease. */
export async function embeddedBroker({ file, durability, runtime, log }: EmbeddedOptions): Promise<Broker> {
  const store = await Log.open({ file, durability, runtime });
  const open = new Set<Member>();
  const failed = (what: string) => (error: unknown) => log.warn(what, { error });
  const moving = runtime.timers.every(
    moveMs,
    () => void store.flushPositions().catch(failed("positions could not be moved; messages may come again")),
  );
  const trimming = runtime.timers.every(
    trimMs,
    () => void store.trim(runtime.clock.now()).catch(failed("the log could not be trimmed")),
  );
  return {
    name: "embedded",
    ensure: ({ groups }) => store.ensure(groups),
    publish: (producer, messages) => store.append(producer, messages),
    async subscribe(subscribe) {
      await store.ensure([subscribe]);
      const member = new Member(store, subscribe, { runtime, log });
      open.add(member);
      return {
        lag: () => store.lag(subscribe.group, subscribe.topic),
        async close() {
          open.delete(member);
          await member.close();
        },
      } satisfies Subscription;
    },
    read: (topic, after, limit) => store.read(topic, after, limit),
    async close() {
      moving.cancel();
      trimming.cancel();
      await Promise.all([...open].map((member) => member.close()));
      await store.close();
    },
  };
}

class Member {
  readonly #store: Log;
  readonly #subscribe: Subscribe;
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #owner: string;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #held: { readonly epoch: number; renewedAt: number } | undefined;
  #position = 0;

  constructor(store: Log, subscribe: Subscribe, { runtime, log }: { readonly runtime: Runtime; readonly log: Logger }) {
    this.#store = store;
    this.#subscribe = subscribe;
    this.#runtime = runtime;
    this.#log = log;
    this.#owner = `pid:${String(process.pid)}:${runtime.ids.uuidv7()}`;
    this.#bell = new Bell(runtime);
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { group, topic, batch, deliver } = this.#subscribe;
    const runtime = this.#runtime;
    const stop = this.#stopping.signal;
    const forget = this.#store.onAppend(this.#bell);
    const pause = pauses(runtime.random);
    let wait = poll.minMs;
    let version = -1;
    while (!stop.aborted) {
      try {
        if (!(await this.#hold())) {
          await this.#bell.sleep(renewMs);
          continue;
        }
        const messages = await this.#store.read(topic, this.#position, batch);
        const last = messages.at(-1);
        if (last === undefined) {
          const seen = await this.#store.version();
          wait = seen === version ? Math.min(poll.maxMs, wait * 2) : poll.minMs;
          version = seen;
          await this.#bell.sleep(wait);
          continue;
        }
        await deliver(
          messages.map(({ offset, envelope }) => ({ envelope, position: `${topic}/${String(offset)}` })),
          stop,
        );
        pause.reset();
        this.#position = last.offset;
        if (this.#held !== undefined) this.#store.move(group, topic, { epoch: this.#held.epoch, offset: last.offset });
      } catch (error) {
        if (stop.aborted) break;
        const ms = pause.next();
        this.#log.warn("a batch was not taken in; it comes again", { group, topic, ms: Math.round(ms), error });
        await runtime.timers.sleep(ms, stop);
      }
    }
    forget();
    await this.#leave();
  }

  /** A batch of a member that has lost its lease may still be in hand: its store decides by its inbox, and its position is refused. */
  async #hold(): Promise<boolean> {
    const { group, topic } = this.#subscribe;
    const now = this.#runtime.clock.monotonic();
    if (this.#held !== undefined && now - this.#held.renewedAt < renewMs) return true;
    const before = this.#held?.epoch;
    const lease = await this.#store.lease(group, topic, { owner: this.#owner, ttlMs: leaseMs });
    this.#held = lease === undefined ? undefined : { epoch: lease.epoch, renewedAt: now };
    if (lease !== undefined && lease.epoch !== before) this.#position = await this.#store.position(group, topic);
    return lease !== undefined;
  }

  async #leave(): Promise<void> {
    const { group, topic } = this.#subscribe;
    if (this.#held === undefined) return;
    try {
      await this.#store.flushPositions();
      await this.#store.giveUp(group, topic, { owner: this.#owner, epoch: this.#held.epoch });
    } catch (error) {
      this.#log.warn("a group's lease could not be given back; it expires", { group, topic, error });
    }
  }
}
