import {
  canonicalJson,
  cutter,
  type Caller,
  type Endpoint,
  type EventContract,
  type JobContract,
  type ReplyOf,
} from "../contract/index.ts";
import {
  brokerProblems,
  checkAttributes,
  created,
  isStorable,
  maxMessageBytes,
  type Outgoing,
  type Unit,
} from "../messaging/index.ts";
import type { Derivation, Runtime } from "../runtime/index.ts";
import { formatTraceparent, type Logger, type Spans, type TraceContext } from "../telemetry/index.ts";
import { due } from "./due.ts";
import type { CallRequest, When } from "./given.ts";
import type { Identity } from "./identity.ts";
import { inStep } from "./spans.ts";

/** One request or message while it is being handled: what its ids, calls and outgoing messages are derived from. */
export interface Cause {
  /** `orders PlaceOrder` or `orders/customer.created`. */
  readonly handler: string;
  readonly service: string;
  /** Of a message, and of a request with an Idempotency-Key. */
  readonly identity: Identity | undefined;
  /** Whether the caller may repeat it under one identity: what has effects must. */
  readonly repeatable: boolean;
  /** Id of the message or request. */
  readonly id: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
  readonly caller: Caller | undefined;
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Services whose calls wait for this request, first to last. @default none */
  readonly callChain?: readonly string[] | undefined;
}

/** Sends a request to another service; how it gets there is chosen when the process starts. */
export interface Calls {
  call<E extends Endpoint>(
    endpoint: E,
    request: CallRequest<E>,
    cause: Cause & { readonly ordinal: number },
  ): Promise<ReplyOf<E>>;
}

export interface Surroundings {
  readonly runtime: Runtime;
  /** Of the service's store. */
  readonly derivation: Derivation;
  readonly log: Logger;
  readonly calls: Calls;
  /** Undefined where nothing is traced: contexts that came in are handed on as they are. */
  readonly spans: Spans | undefined;
}

/** What every step is given beside its input. */
export function always(cause: Cause, { runtime, log }: Surroundings, newId: () => string) {
  return {
    now: () => new Date(runtime.clock.now()),
    newId,
    random: () => runtime.random.next(),
    signal: cause.signal,
    log,
  };
}

/** The ids of one step, the same whenever it is repeated; where nothing can be repeated, new ones. */
export function idsOf(
  { identity, service, handler }: Cause,
  { runtime, derivation }: Surroundings,
  step: "prepare" | "run" | "exhausted",
): () => string {
  if (identity === undefined) return () => runtime.ids.uuidv7();
  let ordinal = 0;
  return () => {
    ordinal += 1;
    return derivation.id("id", service, handler, identity.text(), step, String(ordinal));
  };
}

/** @param uses told of the key of each effect before it is had */
export function outside(cause: Cause, surroundings: Surroundings, uses?: (effectKey: string) => void) {
  const { identity, service, handler } = cause;
  const { runtime, derivation, calls, spans } = surroundings;
  let once: string | undefined;
  /** Without an identity, effects of one name are one in this unit, and in no other. */
  const text = () => identity?.text() ?? (once ??= runtime.random.hex(16));
  const keyOf = callKeys(cause, derivation);
  let ordinal = 0;
  return {
    ...always(cause, surroundings, idsOf(cause, surroundings, "prepare")),
    call: async <E extends Endpoint>(endpoint: E, request: CallRequest<E>): Promise<ReplyOf<E>> => {
      ordinal += 1;
      const nth = ordinal;
      const idempotencyKey = request.idempotencyKey ?? keyOf(endpoint, request);
      if (endpoint.method !== "GET") await identity?.hold();
      const keyed = idempotencyKey === undefined ? request : { ...request, idempotencyKey };
      // By its name: the trace of a request is no field of it.
      return calls.call(endpoint, keyed, { ...cause, trace: cause.trace, ordinal: nth });
    },
    effect: async <T>(name: string, act: (key: string) => Promise<T>): Promise<T> => {
      if (!cause.repeatable)
        throw new Error(
          `${handler} has the effect "${name}": declare its endpoint idempotent: true, so that a repetition cannot have it twice.`,
        );
      const key = derivation.id("effect", service, handler, text(), name);
      await identity?.hold();
      uses?.(key);
      return inStep(spans, `effect ${name}`, cause, () => act(key));
    },
  };
}

/** Keys of calls by what is asked, and by how often the same was asked before: a repetition that asks in another order, or asks for less, has the same ones. */
function callKeys({ identity, service, handler }: Cause, derivation: Derivation) {
  const times = new Map<string, number>();
  return <E extends Endpoint>({ owner, route, spec }: E, request: CallRequest<E>): string | undefined => {
    if (identity === undefined || spec.idempotent !== true) return undefined;
    const asked = canonicalJson([owner, route, request]);
    const time = (times.get(asked) ?? 0) + 1;
    times.set(asked, time);
    return derivation.id("call", service, handler, identity.text(), asked, String(time));
  };
}

const texts = new WeakMap<EventContract | JobContract, (value: unknown) => string>();
function textOf(event: EventContract | JobContract): (value: unknown) => string {
  let text = texts.get(event);
  if (text === undefined) texts.set(event, (text = cutter(event.data)));
  return text;
}

export function publisher(
  cause: Cause,
  surroundings: Surroundings,
  unit: Unit<object>,
): (event: EventContract, data: unknown) => void {
  return (event, data) => {
    if (event.owner !== cause.service)
      throw new Error(
        `${cause.handler} published ${event.name}, which belongs to ${event.owner}: only its owner may publish an event.`,
      );
    // Proof: the schema has `key` as one of its string fields (checked at definition), and `textOf` refuses data that does not fit it.
    const key = (data as Record<string, string>)[event.key] ?? "";
    const message = letter(event, data, cause, surroundings);
    checkAttributes({ key });
    if (!isStorable(key))
      throw new Error(
        `${cause.handler} published ${event.name} with a key that holds NUL or half a surrogate pair: it would arrive as another one.`,
      );
    unit.publish({ ...message, key });
  };
}

export function enqueuer(
  cause: Cause,
  surroundings: Surroundings,
  unit: Unit<object>,
  jobs: ReadonlySet<JobContract>,
): (job: JobContract, data: unknown, when?: When) => void {
  return (job, data, when) => {
    if (!jobs.has(job))
      throw new Error(
        `${cause.handler} enqueued ${job.name} of ${job.owner}, which ${cause.service} has no handler for: list its handler among the jobs of assemble(…).`,
      );
    const at = due(when, surroundings.runtime.clock.now(), `${cause.handler}: the job ${job.name}`);
    unit.enqueue({ ...letter(job, data, cause, surroundings), subscription: jobSubscription(job), ...at });
  };
}

const destinationOf = (contract: EventContract | JobContract): string =>
  contract.kind === "event" ? contract.name : jobSubscription(contract);

/** The name under which a job waits. */
export const jobSubscription = ({ owner, name }: JobContract): string => `${owner}/job:${name}`;

/** Throws where the data does not fit the contract, or is more than a broker takes. */
export function letter(
  contract: EventContract | JobContract,
  data: unknown,
  { correlationId, id, trace }: Pick<Cause, "correlationId" | "id" | "trace">,
  { spans }: Pick<Surroundings, "spans">,
): Omit<Outgoing, "key"> {
  const text = textOf(contract)(data);
  const bytes = Buffer.byteLength(text);
  // Now, while there is somebody to tell: once committed it could never be published.
  if (bytes > maxMessageBytes)
    throw brokerProblems.messageTooLarge({ id: contract.name, bytes, limit: maxMessageBytes });
  return {
    source: `/${contract.owner}`,
    type: contract.name,
    version: contract.version,
    correlationId,
    causationId: id,
    traceparent: formatTraceparent(spans === undefined ? trace : created(spans, destinationOf(contract), trace)),
    headers: {},
    data: text,
  };
}
