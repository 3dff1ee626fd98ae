import { findProblem } from "../contract/index.ts";
import {
  formatTraceparent,
  readTraceparent,
  type Attributes,
  type Span,
  type Spans,
  type TraceContext,
} from "../telemetry/index.ts";
import type { Broker } from "./broker.ts";
import type { Envelope } from "./envelope.ts";
import type { Batch, Parked, Store } from "./store.ts";

// What messages show of themselves in a trace, by OpenTelemetry's semantic conventions for messaging. Each message is traced by itself, also where
// batches travel: its `create` is the parent of its `send` and of every attempt to `process` it, which is linked to it, too.

/** A code of what failed, fit for `error.type`: never a text. */
export function failureOf(error: unknown): string {
  const problem = findProblem(error);
  if (problem !== undefined) return problem.code;
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (typeof code === "string" && isName(code)) return code;
  return error instanceof Error && isName(error.name) ? error.name : "_OTHER";
}
const isName = (text: string): boolean => /^[\w./:-]{1,80}$/.test(text);

const about = (destination: string, operation: "create" | "send" | "process"): Attributes => ({
  "messaging.system": "holdfast",
  "messaging.destination.name": destination,
  "messaging.operation.name": operation,
  "messaging.operation.type": operation,
});

/** The context under which a new message travels; it may yet be rolled back, and is then never sent. */
export function created(spans: Spans, destination: string, parent: TraceContext): TraceContext {
  const attributes = about(destination, "create");
  const span = spans.start(`create ${destination}`, { kind: "producer", parent, attributes });
  span.end();
  return span.context;
}

/** A broker that shows each message on its way into the log. */
export function showsSending(broker: Pick<Broker, "publish">, spans: Spans): Pick<Broker, "publish"> {
  const sending = ({ type, id, correlationId, traceparent }: Envelope): Span | undefined => {
    const parent = readTraceparent(traceparent);
    if (parent?.sampled !== true) return undefined;
    const attributes = { ...about(type, "send"), ...idsOf({ id, correlationId }) };
    return spans.start(`send ${type}`, { kind: "client", parent, attributes });
  };
  return {
    async publish(producer, messages) {
      const open = messages.map(sending);
      try {
        await broker.publish(producer, messages);
        for (const span of open) span?.end();
      } catch (error) {
        for (const span of open) span?.end(failureOf(error));
        throw error;
      }
    },
  };
}

/** A store whose schedules begin a trace with each job; of several instances only the one that enqueues it shows it. */
export function showsTicks(store: Pick<Store<object>, "nextTick" | "tick">, spans: Spans): typeof store {
  return {
    nextTick: (...asked) => store.nextTick(...asked),
    async tick(schedule, tick, next, job) {
      const { subscription } = job;
      const attributes = about(subscription, "create");
      const span = spans.start(`create ${subscription}`, { kind: "producer", parent: undefined, attributes });
      const enqueued = await store.tick(schedule, tick, next, {
        ...job,
        traceparent: formatTraceparent(span.context),
      });
      if (enqueued) span.end();
      return enqueued;
    },
  };
}

/** Each message that is handled as it is taken in, up to the commit of its batch; what only waits its turn is not shown. */
export function showsIntake(store: Pick<Store<object>, "takeIn">, spans: Spans): Pick<Store<object>, "takeIn"> {
  return {
    async takeIn(batch) {
      const attempts = new Attempts(spans, batch);
      try {
        const result = await store.takeIn({
          ...batch,
          handle: (envelope, attempt, unit) =>
            attempts.handle(envelope, attempt, (shown) => batch.handle(shown, attempt, unit)),
          judge: (error, attempt) => attempts.judge(error, attempt),
        });
        attempts.committed();
        return result;
      } catch (error) {
        attempts.undone(failureOf(error));
        throw error;
      }
    },
  };
}

class Attempts {
  readonly #spans: Spans;
  readonly #batch: Batch<object>;
  /** Handled, and not yet committed. */
  readonly #handled = new Map<Envelope, Span>();
  /** Failed, by the error that is going to be judged. */
  readonly #failed = new Map<unknown, Span>();

  constructor(spans: Spans, batch: Batch<object>) {
    this.#spans = spans;
    this.#batch = batch;
  }

  async handle(envelope: Envelope, attempt: number, run: (shown: Envelope) => Promise<void>): Promise<void> {
    // The transaction runs again: the first time came to nothing.
    this.#handled.get(envelope)?.end("rolled-back");
    const span = processing(this.#spans, { subscription: this.#batch.subscription, envelope, attempt });
    if (span === undefined) return run(envelope);
    try {
      await run(under(envelope, span));
      this.#handled.set(envelope, span);
    } catch (error) {
      this.#failed.set(error, span);
      throw error;
    }
  }

  judge(error: unknown, attempt: number): ReturnType<Batch<object>["judge"]> {
    const verdict = this.#batch.judge(error, attempt);
    const span = this.#failed.get(error);
    // The second attempt is made at once.
    span?.set(outcome, verdict.kind === "park" && attempt < 2 ? "again" : outcomes[verdict.kind]);
    span?.end(failureOf(error));
    this.#failed.delete(error);
    return verdict;
  }

  committed(): void {
    this.#endFailed();
    for (const span of this.#handled.values()) {
      span.set(outcome, "handled");
      span.end();
    }
    const { messages, subscription } = this.#batch;
    for (const { envelope, dead } of messages) {
      if (dead === undefined) continue;
      const span = processing(this.#spans, { subscription, envelope, attempt: 0 });
      span?.set(outcome, "dead");
      span?.end(dead.code);
    }
  }

  undone(code: string): void {
    this.#endFailed();
    for (const span of this.#handled.values()) span.end(code);
  }

  /** Those whose error reached the store as another one. */
  #endFailed(): void {
    for (const [error, span] of this.#failed) span.end(failureOf(error));
  }
}

const outcome = "holdfast.outcome";
const outcomes = { park: "parked", dead: "dead", discard: "discarded", pause: "paused" } as const;

export interface Tried {
  readonly ended: Awaited<ReturnType<Store<object>["retry"]>>;
  readonly error?: unknown;
}

/** An attempt at a parked message or a job, with its preparation; undefined where somebody else has it. */
export async function showsAttempt(
  spans: Spans,
  { subscription, envelope, attempts, redrive }: Parked,
  run: (shown: Envelope) => Promise<Tried | undefined>,
): Promise<void> {
  const span = processing(spans, { subscription, envelope, attempt: attempts + 1 });
  if (span === undefined) {
    await run(envelope);
    return;
  }
  if (redrive > 0) span.set("holdfast.redrive", redrive);
  try {
    const tried = await run(under(envelope, span));
    if (tried === undefined) return;
    span.set(outcome, tried.ended);
    span.end(tried.error === undefined ? undefined : failureOf(tried.error));
  } catch (error) {
    span.set(outcome, "paused");
    span.end(failureOf(error));
    throw error;
  }
}

function processing(
  spans: Spans,
  { subscription, envelope, attempt }: { subscription: string; envelope: Envelope; attempt: number },
): Span | undefined {
  const parent = readTraceparent(envelope.traceparent);
  if (parent?.sampled === false) return undefined;
  const at = subscription.indexOf("/");
  const topic = subscription.slice(at + 1);
  // A job waits under its subscription; an event has a topic.
  const destination = topic.startsWith("job:") ? subscription : topic;
  return spans.start(`process ${destination}`, {
    kind: "consumer",
    parent,
    links: parent === undefined ? [] : [parent],
    attributes: {
      ...about(destination, "process"),
      ...idsOf(envelope),
      "messaging.consumer.group.name": subscription.slice(0, at),
      "holdfast.attempt": attempt,
    },
  });
}

const idsOf = ({ id, correlationId }: Pick<Envelope, "id" | "correlationId">): Attributes => ({
  "messaging.message.id": id,
  "messaging.message.conversation_id": correlationId,
});

/** What the handler does is part of the attempt. */
const under = (envelope: Envelope, span: Span): Envelope => ({
  ...envelope,
  traceparent: formatTraceparent(span.context),
});
