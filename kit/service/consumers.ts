import type { Caller } from "../contract/index.ts";
import type { Envelope, MessageForm, MessageSubscription, Unit } from "../messaging/index.ts";
import { parseTraceparent } from "../telemetry/index.ts";
import type { Consumer, JobHandler } from "./definition.ts";
import { aroundGiven, opened, type InUnit } from "./in-unit.ts";
import type { MessageInfo } from "./given.ts";
import { messageIdentity } from "./identity.ts";
import { inStep } from "./spans.ts";
import { always, enqueuer, idsOf, jobSubscription, outside, publisher, type Cause } from "./unit-context.ts";

/** A consumer of a service in the terms of the messaging loops. */
export function consumerOf(service: string, consumer: Consumer, inUnit: InUnit): MessageSubscription {
  const { event, options } = consumer;
  return {
    ...subscriptionOf({ service, name: `${service}/${event.name}`, form: event, definition: consumer }, inUnit),
    afterDeadLetter: options.afterDeadLetter ?? "continue",
  };
}

/** The handler of a job, in the same terms. */
export function workerOf(service: string, definition: JobHandler, inUnit: InUnit): MessageSubscription {
  const { name, version, data } = definition.job;
  const form = { name, version, data, key: undefined };
  return subscriptionOf({ service, name: jobSubscription(definition.job), form, definition }, inUnit);
}

interface Handled {
  readonly service: string;
  readonly name: string;
  readonly form: MessageForm;
  readonly definition: Consumer | JobHandler;
}

/** A message in a unit of its own. */
interface Inside {
  readonly envelope: Envelope;
  readonly data: unknown;
  readonly attempt: number;
  readonly unit: Unit<object>;
  readonly step: "run" | "exhausted";
}

function subscriptionOf({ service, name, form, definition }: Handled, inUnit: InUnit): MessageSubscription {
  const { surroundings, scopeOf, resources, around, jobs } = inUnit;
  const { options, prepare, run, exhausted, document } = definition;
  const never = new AbortController().signal;
  /** Messages and jobs are handled in the service's own name. */
  const own: Caller = { kind: "service", name: service };
  const causeOf = (envelope: Envelope, signal: AbortSignal): Cause => ({
    handler: name,
    service,
    identity: messageIdentity(`${envelope.source} ${envelope.id}`),
    repeatable: true,
    id: envelope.id,
    correlationId: envelope.correlationId,
    trace: parseTraceparent(envelope.traceparent, surroundings.runtime.random),
    caller: own,
    deadline: Number.POSITIVE_INFINITY,
    signal,
  });
  const messageOf = (envelope: Envelope, attempt: number, data: unknown) => {
    const { id, source, key, time, correlationId } = envelope;
    const message: MessageInfo = { id, source, key, time, correlationId, attempt };
    return { data, message };
  };
  const inside = async (
    { envelope, data, attempt, unit, step }: Inside,
    more: object,
    act: (given: never) => Promise<void>,
  ): Promise<void> => {
    const cause = causeOf(envelope, never);
    const arrived = messageOf(envelope, attempt, data);
    const given = {
      ...scopeOf(unit.access, cause),
      ...always(cause, surroundings, idsOf(cause, surroundings, step)),
      ...arrived,
      publish: publisher(cause, surroundings, unit),
      enqueue: enqueuer(cause, surroundings, unit, jobs),
      ...more,
      ...(document === undefined ? undefined : await opened(document, unit.access, arrived)),
    };
    const next = () => act(given as never); // Proof: assembled from the same parts that typed the step.
    await (around === undefined ? next() : around(aroundGiven(cause, surroundings), next));
  };
  return {
    name,
    form,
    afterDeadLetter: "continue",
    retry: options.retry ?? {},
    // Proof: the options were given for this contract, whose validated data this is.
    effectKeys: (data) => options.effectKeys?.(data as never) ?? [],
    prepare:
      prepare === undefined
        ? undefined
        : (envelope, data, attempt, { signal, access, uses }) => {
            const step = (cause: Cause) => {
              const given = {
                ...resources,
                ...scopeOf(access, cause),
                ...outside(cause, surroundings, uses),
                ...messageOf(envelope, attempt, data),
              };
              return prepare(given as never); // Proof: assembled from the same parts that typed `prepare`.
            };
            return inStep(surroundings.spans, "prepare", causeOf(envelope, signal), step);
          },
    handle: (envelope, data, attempt, unit, prepared) =>
      inside({ envelope, data, attempt, unit, step: "run" }, { prepared }, run),
    exhausted:
      exhausted === undefined
        ? undefined
        : (envelope, data, failure, unit) =>
            inside({ envelope, data, attempt: failure.attempts, unit, step: "exhausted" }, { failure }, exhausted),
  };
}
