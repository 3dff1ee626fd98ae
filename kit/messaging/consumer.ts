import type { Runtime } from "../runtime/index.ts";
import type { Logger, Spans } from "../telemetry/index.ts";
import type { Broker, Subscription } from "./broker.ts";
import { intakeOf } from "./intake.ts";
import { startRetries } from "./retries.ts";
import { showsIntake } from "./spans.ts";
import type { Store } from "./store.ts";
import { subscriberOf, type MessageSubscription } from "./subscription.ts";

export interface ConsumerOptions {
  readonly store: Pick<Store<object>, "takeIn" | "due" | "nextDue" | "claim" | "retry" | "outside" | "onParked">;
  readonly broker: Pick<Broker, "subscribe">;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** The consumer group; its instances share the work. */
  readonly service: string;
  /** Unique for this process. */
  readonly owner: string;
  readonly subscriptions: readonly MessageSubscription[];
  /** What the service has enqueued for itself. @default none */
  readonly jobs?: readonly MessageSubscription[];
  /** @default none */
  readonly spans?: Spans | undefined;
}

export interface RunningConsumer {
  /** Waiting messages of all subscriptions, behind the positions of the group. */
  lag(): Promise<number>;
  /** Ends intake, finishes the batches in hand, stops the workers; until `deadline` on the monotonic clock. */
  drain(deadline: number): Promise<void>;
}

const batchSize = 100;

/** Takes messages in, a transaction a batch, and works off what is parked. */
export async function startConsumer(options: ConsumerOptions): Promise<RunningConsumer> {
  const { store, broker, runtime, log, service, owner, spans } = options;
  const intake = spans === undefined ? store : showsIntake(store, spans);
  const stopping = new AbortController();
  const subscribers = options.subscriptions.map((subscription) => subscriberOf(subscription, options));
  const workers = (options.jobs ?? []).map((job) => subscriberOf(job, options));
  const retries = startRetries({ store, runtime, log, owner, subscribers: [...subscribers, ...workers], spans });
  store.onParked(() => retries.wake());
  const open: Subscription[] = [];
  const drain = async (deadline: number) => {
    stopping.abort();
    const late = new AbortController();
    const closed = Promise.all([retries.drain(deadline), ...open.map((subscription) => subscription.close())]).catch(
      (error: unknown) => log.warn("a subscription did not close; its lease expires", { error }),
    );
    await Promise.race([closed, runtime.timers.sleep(deadline - runtime.clock.monotonic(), late.signal)]);
    late.abort();
  };
  try {
    for (const subscriber of subscribers) {
      const deliver = intakeOf({
        store: intake,
        runtime,
        log,
        subscriber,
        stopping: stopping.signal,
      });
      const topic = subscriber.subscription.form.name;
      open.push(await broker.subscribe({ group: service, topic, batch: batchSize, deliver }));
    }
  } catch (error) {
    await drain(runtime.clock.monotonic());
    throw error;
  }
  return {
    async lag() {
      const lags = await Promise.all(open.map((subscription) => subscription.lag()));
      return lags.reduce((sum, lag) => sum + lag, 0);
    },
    drain,
  };
}
