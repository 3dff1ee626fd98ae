import { kitProblems, type Endpoint, type ReplyOf } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { CallRequest, Calls, Cause, RunningService } from "../service/index.ts";
import { childOf } from "../telemetry/index.ts";
import { HttpClient, type HttpClientOptions } from "./http.ts";
import { localTransport } from "./local.ts";
import { callLimits, Target, type CallLimits } from "./policies.ts";
import { asText, escaped, replyBody, type Outward, type RequestParts, type Transport } from "./wire.ts";

export interface ClientOptions {
  readonly runtime: Runtime;
  /** Where services are that are not in this process. @default nowhere */
  readonly elsewhere?: Pick<HttpClientOptions, "addressesOf" | "token" | "maxReplyBytes">;
  readonly limits?: Partial<CallLimits>;
}

const defaultTimeoutMs = 10_000;

/** The typed client of any endpoint: in process where its service is, over HTTP where it is not. */
export class Client implements Calls {
  readonly #runtime: Runtime;
  readonly #limits: CallLimits;
  readonly #local = new Map<string, Transport>();
  readonly #http: HttpClient | undefined;
  readonly #targets = new Map<string, Target>();

  constructor({ runtime, elsewhere, limits }: ClientOptions) {
    this.#runtime = runtime;
    this.#limits = { ...callLimits, ...limits };
    this.#http = elsewhere === undefined ? undefined : new HttpClient({ runtime, ...elsewhere });
  }

  /** A service of this process. */
  add(service: RunningService): void {
    this.#local.set(service.name, localTransport(service, this.#runtime));
  }

  /** Rejects with a problem that the callee's contract declares, else `kit/call-failed`, `kit/unavailable` or `kit/deadline-exceeded`. */
  async call<E extends Endpoint>(
    endpoint: E,
    request: CallRequest<E>,
    cause: Cause & { readonly ordinal: number },
  ): Promise<ReplyOf<E>> {
    const transport = this.#local.get(endpoint.owner) ?? this.#http?.transport;
    if (transport === undefined)
      throw kitProblems.unavailable({ reason: `No instance of ${endpoint.owner} is known here.` });
    try {
      const reply = await this.#target(endpoint.owner).send(transport, this.#outward(endpoint, request, cause));
      const body = replyBody(endpoint, reply);
      // Proof: just checked against the schema that `ReplyOf<E>` is inferred from.
      return { status: reply.status, body, headers: reply.headers } as ReplyOf<E>;
    } catch (error) {
      throw escaped(endpoint, error);
    }
  }

  close = async (): Promise<void> => this.#http?.close();

  #outward(endpoint: Endpoint, given: RequestParts, cause: Cause & { readonly ordinal: number }): Outward {
    const { clock, random, ids } = this.#runtime;
    const { spec, owner, route } = endpoint;
    const timeoutMs = spec.limits?.timeoutMs ?? defaultTimeoutMs;
    // The same in every repetition of the message or request that calls.
    const derived = () =>
      ids.derived(
        "call",
        cause.service,
        cause.handler,
        cause.identity ?? cause.id,
        owner,
        route,
        String(cause.ordinal),
      );
    return {
      endpoint,
      params: given.params ?? {},
      query: asText(given.query),
      headers: asText(given.headers),
      body: given.body,
      caller: cause.service,
      idempotencyKey: spec.idempotent === true ? (given.idempotencyKey ?? derived()) : undefined,
      deadline: Math.min(cause.deadline, clock.monotonic() + timeoutMs),
      signal: cause.signal,
      correlationId: cause.correlationId,
      trace: childOf(cause.trace, random),
    };
  }

  #target(service: string): Target {
    let target = this.#targets.get(service);
    if (target === undefined) this.#targets.set(service, (target = new Target(this.#runtime, this.#limits)));
    return target;
  }
}
