import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Broker, Delivery, Subscription } from "./broker.ts";
import { startRetries, type Retries } from "./retries.ts";
import { pauses } from "./retry-policy.ts";
import type { BatchResult, Store } from "./store.ts";
import { prepareSubscription, type MessageSubscription, type Prepared } from "./subscription.ts";

export interface ConsumerOptions {
  readonly store: Store<object>;
  readonly broker: Broker;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly service: string;
  readonly owner: string;
  readonly subscriptions: readonly MessageSubscription[];
}

export interface Consumer {
  /** Intake ends, batches in hand finish, then the workers of parked messages. */
  drain(deadline: number): Promise<void>;
}

const batchSize = 100;
/** Of this many new messages in a row, half may fail before the consumer pauses. */
const watched = 100;

/** Takes messages in, batch by batch, each batch one transaction; and retries what was parked. */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { broker, runtime, service } = options;
  const prepared = options.subscriptions.map((subscription) => prepareSubscription(service, subscription, runtime));
  const retries = startRetries({ ...options, subscriptions: prepared });
  const open: Subscription[] = [];
  for (const subscription of prepared) {
    const intake = new Intake(options, subscription, retries);
    open.push(
      await broker.subscribe({
        group: service,
        topic: subscription.subscription.event.name,
        batch: batchSize,
        deliver: (batch, signal) => intake.take(batch, signal),
      }),
    );
  }
  return {
    async drain() {
      await Promise.all(open.map((subscription) => subscription.close()));
      await retries.stop();
    },
  };
}

class Intake {
  readonly #o: ConsumerOptions;
  readonly #prepared: Prepared;
  readonly #retries: Retries;
  readonly #pause: ReturnType<typeof pauses>;
  #recent = { taken: 0, failed: 0 };

  constructor(options: ConsumerOptions, prepared: Prepared, retries: Retries) {
    this.#o = options;
    this.#prepared = prepared;
    this.#retries = retries;
    this.#pause = pauses(options.runtime.random, { baseMs: 1_000, capMs: 30_000 });
  }

  async take(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const { runtime } = this.#o;
    runtime.faults.at("consumer:received");
    const { name, subscription, judge, decode, incoming } = this.#prepared;
    // Proof: the access is the store's own; the loops only pass it on to the handlers made for it.
    const store = this.#o.store as Store<object>;
    const result = await store.takeIn({
      subscription: name,
      messages: batch.map(({ envelope }) => incoming(envelope)),
      intakeOnly: subscription.prepare !== undefined,
      afterDeadLetter: subscription.afterDeadLetter,
      handle: (envelope, attempt, unit) => subscription.handle(envelope, decode(envelope), attempt, unit, undefined),
      judge,
    });
    runtime.faults.at("consumer:committed");
    if (result.parked > 0) this.#retries.wake();
    await this.#slowDown(result, signal);
  }

  /** When half of the last messages failed, the cause is hardly the messages: better to wait than to park the whole topic. */
  async #slowDown({ handled, parked, dead }: BatchResult, signal: AbortSignal): Promise<void> {
    if (this.#prepared.subscription.prepare !== undefined) return;
    this.#recent.taken += handled + parked + dead;
    this.#recent.failed += parked + dead;
    if (this.#recent.taken < watched) return;
    const bad = this.#recent.failed * 2 >= this.#recent.taken;
    const { failed, taken } = this.#recent;
    this.#recent = { taken: 0, failed: 0 };
    if (!bad) {
      this.#pause.reset();
      return;
    }
    const ms = this.#pause.next();
    this.#o.log.warn("half of the messages fail: the consumer pauses", { subscription: this.#prepared.name, failed, taken, ms: Math.round(ms) });
    await this.#o.runtime.timers.sleep(ms, signal);
  }
}
