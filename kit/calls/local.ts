import {
  compile,
  findProblem,
  kitProblems,
  replySpec,
  type ProblemError,
  type Endpoint,
  type ReplyOf,
  type TSchema,
} from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { CallRequest, Calls, Cause, RunningService } from "../service/index.ts";
import { childOf } from "../telemetry/index.ts";

/**
 * Calls between services of one process: no socket, and all else as over HTTP — the request is validated, access checked for the
 * calling service, the deadline and the trace passed on, the reply a copy that the callee cannot change any more.
 */
export class LocalCalls implements Calls {
  readonly #services = new Map<string, RunningService>();
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  add(service: RunningService): void {
    this.#services.set(service.name, service);
  }

  /** Rejects with a problem that the callee's contract declares, else `kit/call-failed` or `kit/unavailable`. */
  async call<E extends Endpoint>(
    endpoint: E,
    request: CallRequest<E>,
    cause: Cause & { readonly ordinal: number },
  ): Promise<ReplyOf<E>> {
    const target = this.#services.get(endpoint.owner);
    if (target === undefined)
      throw kitProblems.unavailable({ reason: `No instance of ${endpoint.owner} is known here.` });
    // Proof: widening; which parts there are is what `CallRequest<E>` says, and the callee validates them.
    const given = request as Parts;
    const reply = await target
      .dispatch({
        endpoint,
        params: given.params ?? {},
        query: asText(given.query),
        headers: asText(given.headers),
        body: given.body,
        suspectText: true,
        caller: { kind: "service", name: cause.service },
        idempotencyKey:
          endpoint.spec.idempotent === true ? (given.idempotencyKey ?? this.#key(endpoint, cause)) : undefined,
        deadline: Math.min(
          cause.deadline,
          this.#runtime.clock.monotonic() + (endpoint.spec.limits?.timeoutMs ?? defaultTimeoutMs),
        ),
        signal: cause.signal,
        requestId: this.#runtime.ids.uuidv7(),
        correlationId: cause.correlationId,
        trace: childOf(cause.trace, this.#runtime.random),
      })
      .catch((error: unknown) => {
        throw escaped(endpoint, error);
      });
    const body: unknown = reply.body === undefined ? undefined : JSON.parse(reply.body);
    checkReply(endpoint, reply.status, body);
    // Proof: just checked against the schema that `ReplyOf<E>` is inferred from.
    return { status: reply.status, body, headers: reply.headers } as ReplyOf<E>;
  }

  #key(endpoint: Endpoint, cause: Cause & { readonly ordinal: number }): string {
    return this.#runtime.ids.derived(
      "call",
      cause.service,
      cause.handler,
      cause.identity ?? cause.id,
      endpoint.route,
      String(cause.ordinal),
    );
  }
}

const defaultTimeoutMs = 10_000;

interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}

/** Query and headers travel as text. */
function asText(
  parts: Readonly<Record<string, unknown>> | undefined,
): Record<string, string | readonly string[] | undefined> {
  const text: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, value] of Object.entries(parts ?? {})) {
    if (value !== undefined) text[name] = Array.isArray(value) ? value.map(scalarText) : scalarText(value);
  }
  return text;
}

const scalarText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What the callee declares is the caller's to handle; everything else is a failed call, retryable as the callee said. */
function escaped(endpoint: Endpoint, error: unknown): ProblemError {
  const problem = findProblem(error);
  if (problem !== undefined && endpoint.spec.problems?.some(({ code }) => code === problem.code) === true)
    return problem;
  const failed = problem?.retryable === true ? kitProblems.unavailable : kitProblems.callFailed;
  return failed(
    { reason: `${endpoint.route} of ${endpoint.owner} failed with ${problem?.code ?? "an error"}.` },
    { cause: error },
  );
}

const validators = new WeakMap<TSchema, (value: unknown) => boolean>();
function checkReply(endpoint: Endpoint, status: number, body: unknown): void {
  const reply = endpoint.spec.replies[status];
  const schema = reply === undefined ? undefined : replySpec(reply).body;
  if (schema === undefined) return;
  let check = validators.get(schema);
  if (check === undefined) {
    const validator = compile(schema, { open: true });
    validators.set(schema, (check = (value) => validator.check(value)));
  }
  if (!check(body))
    throw kitProblems.callFailed({
      reason: `${endpoint.route} of ${endpoint.owner} replied ${String(status)} with a body that its contract does not allow.`,
    });
}
