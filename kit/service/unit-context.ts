import {
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
import type { Runtime } from "../runtime/index.ts";
import { formatTraceparent, type Logger, type Spans, type TraceContext } from "../telemetry/index.ts";
import { due } from "./due.ts";
import type { CallRequest, When } from "./given.ts";
import { inStep } from "./spans.ts";

/** One request or message while it is being handled: what its ids, calls and outgoing messages are derived from. */
export interface Cause {
  /** `orders PlaceOrder` or `orders/customer.created`. */
  readonly handler: string;
  readonly service: string;
  /** Set for a message, and for a request with an Idempotency-Key: ids and effect keys are derived from it. */
  readonly identity: string | undefined;
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
  readonly log: Logger;
  readonly calls: Calls;
  /** Undefined where nothing is traced: contexts that came in are handed on as they are. */
  readonly spans: Spans | undefined;
}

/** What every step is given beside its input. `step` keeps the ids of the steps apart. */
export function always(cause: Cause, { runtime, log }: Surroundings, step: "prepare" | "run" | "exhausted") {
  let ordinal = 0;
  return {
    now: () => new Date(runtime.clock.now()),
    newId: () => {
      ordinal += 1;
      return cause.identity === undefined
        ? runtime.ids.uuidv7()
        : runtime.ids.derived(cause.service, cause.handler, cause.identity, step, String(ordinal));
    },
    random: () => runtime.random.next(),
    signal: cause.signal,
    log,
  };
}

/** @param uses told of the key of each effect before it is had */
export function outside(cause: Cause, surroundings: Surroundings, uses?: (effectKey: string) => void) {
  let calls = 0;
  return {
    ...always(cause, surroundings, "prepare"),
    call: <E extends Endpoint>(endpoint: E, request: CallRequest<E>): Promise<ReplyOf<E>> => {
      calls += 1;
      // By its name: the trace of a request is no field of it.
      return surroundings.calls.call(endpoint, request, { ...cause, trace: cause.trace, ordinal: calls });
    },
    effect: async <T>(name: string, act: (key: string) => Promise<T>): Promise<T> => {
      if (!cause.repeatable)
        throw new Error(
          `${cause.handler} has the effect "${name}": declare its endpoint idempotent: true, so that a repetition cannot have it twice.`,
        );
      const key = effectKey(cause, surroundings.runtime, name);
      uses?.(key);
      return inStep(surroundings.spans, `effect ${name}`, cause, () => act(key));
    },
  };
}

/** The same in every repetition of the message or request: (identity, handler, name). */
function effectKey(cause: Cause, runtime: Runtime, name: string): string {
  return runtime.ids.derived("effect", cause.service, cause.handler, cause.identity ?? cause.id, name);
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
