import type { Batch, Broker, Store, Subscription } from "../messaging/index.ts";
import type { Clock } from "../runtime/index.ts";
import { kitMetrics, type Collector, type Counter, type Metrics } from "../telemetry/index.ts";

type Outcomes<Outcome extends string> = Readonly<Record<Outcome, Counter>>;
const taken = ["handled", "duplicates", "parked", "dead", "discarded"] as const;
const tried = ["handled", "exhausted", "parked", "dead", "discarded", "gone"] as const;
type Loops = Pick<
  Store<object>,
  "takeIn" | "due" | "nextDue" | "claim" | "retry" | "outside" | "onParked" | "nextTick" | "tick"
>;

export interface MeteredOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly service: string;
  readonly store: Store<object>;
  readonly broker: Broker;
  /** Of consumers and of jobs. */
  readonly subscriptions: readonly string[];
  readonly events: readonly string[];
  readonly schedules: readonly string[];
}

export interface Metered extends Collector {
  /** For consumers, retries and schedules. */
  readonly store: Loops;
  /** For the relay and the consumers. */
  readonly broker: Pick<Broker, "publish" | "subscribe">;
}

/** Counts what the loops of a service do, from outside of them; what waits is asked for at a scrape. */
export function metered(options: MeteredOptions): Metered {
  const { metrics, service, store } = options;
  const open = new Map<string, Subscription>();
  const waiting = metrics.onScrape(`${service} store`, async (show) => {
    const { outbox, outboxSince, parked, timers, dead } = await store.backlog();
    show(kitMetrics.outbox, { service }, outbox);
    const age = outboxSince === undefined ? 0 : Math.max(0, options.clock.now() - outboxSince);
    show(kitMetrics.outboxAge, { service }, age / 1_000);
    show(kitMetrics.parked, { service }, parked);
    if (timers !== undefined) show(kitMetrics.timers, { service }, timers);
    show(kitMetrics.deadLetters, { service }, dead);
  });
  const lag = metrics.onScrape(`${service} lag`, async (show) => {
    for (const [topic, subscription] of open) show(kitMetrics.lag, { service, topic }, await subscription.lag());
  });
  return {
    store: loopsOf(options),
    broker: brokerOf(options, open),
    stop() {
      waiting.stop();
      lag.stop();
    },
  };
}

function brokerOf({ metrics, service, broker, events }: MeteredOptions, open: Map<string, Subscription>) {
  const published = new Map(
    events.map((event) => [event, metrics.counter(kitMetrics.relayPublished, { service, event })]),
  );
  const failed = metrics.counter(kitMetrics.relayFailures, { service });
  return {
    async publish(...[producer, messages]: Parameters<Broker["publish"]>): Promise<void> {
      try {
        await broker.publish(producer, messages);
      } catch (error) {
        failed.add();
        throw error;
      }
      for (const { type } of messages) published.get(type)?.add();
    },
    async subscribe(subscribe: Parameters<Broker["subscribe"]>[0]): Promise<Subscription> {
      const subscription = await broker.subscribe(subscribe);
      open.set(subscribe.topic, subscription);
      return subscription;
    },
  };
}

function loopsOf({ metrics, clock, service, store, subscriptions, schedules }: MeteredOptions): Loops {
  const bySubscription = new Map(subscriptions.map((name) => [name, subscriptionMeter(metrics, service, name)]));
  const ticks = new Map(
    schedules.map((schedule) => [schedule, metrics.counter(kitMetrics.ticks, { service, schedule })]),
  );
  const timed = (subscription: string, handle: Batch<object>["handle"]): Batch<object>["handle"] => {
    const handling = bySubscription.get(subscription)?.handling;
    return async (envelope, attempt, unit) => {
      const begunAt = clock.monotonic();
      try {
        await handle(envelope, attempt, unit);
      } finally {
        handling?.observe((clock.monotonic() - begunAt) / 1_000);
      }
    };
  };
  return {
    outside: store.outside,
    // What is only passed on is passed on whole, whatever the port will take one day.
    due: (...asked) => store.due(...asked),
    nextDue: (...asked) => store.nextDue(...asked),
    claim: (...asked) => store.claim(...asked),
    onParked: (...asked) => store.onParked(...asked),
    nextTick: (...asked) => store.nextTick(...asked),
    async takeIn(batch) {
      const result = await store.takeIn({ ...batch, handle: timed(batch.subscription, batch.handle) });
      const meter = bySubscription.get(batch.subscription);
      for (const outcome of taken) meter?.taken[outcome].add(result[outcome]);
      const writtenAt = Date.parse(batch.messages[0]?.envelope.time ?? "");
      if (!Number.isNaN(writtenAt)) meter?.delay.observe(Math.max(0, clock.now() - writtenAt) / 1_000);
      return result;
    },
    async retry(parked, how) {
      const ended = await store.retry(parked, { ...how, handle: timed(parked.subscription, how.handle) });
      bySubscription.get(parked.subscription)?.tried[ended].add();
      return ended;
    },
    async tick(schedule, at, next, job) {
      const mine = await store.tick(schedule, at, next, job);
      if (mine) ticks.get(schedule.name)?.add();
      return mine;
    },
  };
}

function subscriptionMeter(metrics: Metrics, service: string, subscription: string) {
  const labels = { service, subscription };
  const each = <Outcome extends string>(outcomes: readonly Outcome[], bind: (outcome: Outcome) => Counter) =>
    // Proof: one entry for each of the outcomes.
    Object.fromEntries(outcomes.map((outcome) => [outcome, bind(outcome)])) as Outcomes<Outcome>;
  return {
    handling: metrics.histogram(kitMetrics.handling, labels),
    delay: metrics.histogram(kitMetrics.messageDelay, labels),
    taken: each(taken, (outcome) =>
      metrics.counter(kitMetrics.consumed, { ...labels, outcome: outcome === "duplicates" ? "duplicate" : outcome }),
    ),
    tried: each(tried, (outcome) => metrics.counter(kitMetrics.parkedTries, { ...labels, outcome })),
  };
}
