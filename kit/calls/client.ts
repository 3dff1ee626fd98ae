import { kitProblems, type Endpoint, type ReplyOf } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { CallRequest, Calls, Cause, RunningService } from "../service/index.ts";
import {
  kitMetrics,
  noMetrics,
  silentLogger,
  type Collector,
  type Logger,
  type Metrics,
  type Tracing,
} from "../telemetry/index.ts";
import { CallMeter } from "./call-metrics.ts";
import { HttpClient, type HttpClientOptions } from "./http.ts";
import { localTransport } from "./local.ts";
import { callLimits, Target, type CallLimits } from "./policies.ts";
import { showsAttempts } from "./spans.ts";
import { asText, callingService, escaped, replyBody, type Outward, type RequestParts, type Transport } from "./wire.ts";

export interface ClientOptions {
  readonly runtime: Runtime;
  /** Where services are that are not in this process. @default nowhere */
  readonly elsewhere?: Pick<HttpClientOptions, "addressesOf" | "token" | "maxReplyBytes">;
  readonly limits?: Partial<CallLimits> | undefined;
  /** Told when a circuit breaker opens or closes. @default nobody */
  readonly log?: Logger | undefined;
  /** @default nothing is counted */
  readonly metrics?: Metrics | undefined;
  /** @default none */
  readonly tracing?: Tracing | undefined;
}

const defaultTimeoutMs = 10_000;
/** As the gauge shows them. */
const breakerStates = { closed: 0, "half-open": 1, open: 2 } as const;

/** The typed client of any endpoint: in process where its service is, over HTTP where it is not. */
export class Client implements Calls {
  readonly #runtime: Runtime;
  readonly #limits: CallLimits;
  readonly #local = new Map<string, Transport>();
  readonly #http: HttpClient | undefined;
  readonly #tracing: Tracing | undefined;
  /** By caller, then by callee. */
  readonly #targets = new Map<string, Map<string, Target>>();
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #meter: CallMeter;
  readonly #breakers: Collector;

  constructor({ runtime, elsewhere, limits, metrics = noMetrics, tracing, log = silentLogger }: ClientOptions) {
    this.#runtime = runtime;
    this.#log = log;
    this.#metrics = metrics;
    this.#meter = new CallMeter(metrics, runtime.clock);
    this.#breakers = metrics.onScrape("calls", (show) => {
      for (const [caller, targets] of this.#targets)
        for (const [callee, { breaker }] of targets)
          if (callee !== caller) show(kitMetrics.breakers, { callee, caller }, breakerStates[breaker]);
    });
    this.#tracing = tracing;
    this.#limits = { ...callLimits, ...limits };
    this.#http = elsewhere === undefined ? undefined : new HttpClient({ runtime, ...elsewhere });
  }

  /** A service of this process. */
  add(service: RunningService): void {
    this.#local.set(service.name, localTransport(service, this.#runtime, this.#tracing?.of(service.name)));
  }

  /**
   * Rejects with a problem that the callee's contract declares, with the client's own mistake (`fromClient`), else with `kit/call-failed`,
   * `kit/unavailable`, `kit/deadline-exceeded` or `kit/call-loop`. Throws an error where a handler makes too many calls.
   */
  async call<E extends Endpoint>(
    endpoint: E,
    request: CallRequest<E>,
    cause: Cause & { readonly ordinal: number },
  ): Promise<ReplyOf<E>> {
    this.#refuseTooMany(cause);
    const transport = this.#local.get(endpoint.owner) ?? this.#http?.transport;
    if (transport === undefined)
      throw kitProblems.unavailable({ reason: `No instance of ${endpoint.owner} is known here.` });
    const begunAt = this.#meter.begin();
    try {
      const spans = this.#tracing?.of(cause.service);
      const shown = spans === undefined ? transport : showsAttempts(transport, spans);
      const outward = this.#outward(endpoint, request, cause);
      const reply = await this.#target(cause.service, endpoint.owner).send(shown, outward);
      const body = replyBody(endpoint, reply);
      this.#meter.end(cause.service, endpoint, "ok", begunAt);
      // Proof: just checked against the schema that `ReplyOf<E>` is inferred from.
      return { status: reply.status, body, headers: reply.headers } as ReplyOf<E>;
    } catch (error) {
      const { fromClient }: RequestParts = request;
      const problem = escaped(endpoint, error, fromClient);
      this.#meter.end(cause.service, endpoint, problem.code, begunAt);
      throw problem;
    }
  }

  async close(): Promise<void> {
    this.#breakers.stop();
    await this.#http?.close();
  }

  #outward(endpoint: Endpoint, given: RequestParts, cause: Cause): Outward {
    const { clock, ids } = this.#runtime;
    const { spec } = endpoint;
    const timeoutMs = spec.limits?.timeoutMs ?? defaultTimeoutMs;
    const callChain = [...(cause.callChain ?? []), cause.service];
    if (callChain.length > this.#limits.depth)
      throw kitProblems.callLoop({
        reason: `${[...callChain, endpoint.owner].join(" calls ")}: no chain of calls may be longer.`,
      });
    return {
      endpoint,
      params: given.params ?? {},
      query: asText(given.query),
      headers: asText(given.headers),
      body: given.body,
      caller: callingService(cause.service, cause.caller),
      callChain,
      timeoutMs,
      idempotencyKey: spec.idempotent === true ? (given.idempotencyKey ?? ids.uuidv7()) : undefined,
      deadline: Math.min(cause.deadline, clock.monotonic() + timeoutMs),
      signal: cause.signal,
      correlationId: cause.correlationId,
      trace: cause.trace,
    };
  }

  #refuseTooMany({
    ordinal,
    handler,
    service,
  }: Pick<Cause, "handler" | "service"> & { readonly ordinal: number }): void {
    const { perHandler } = this.#limits;
    if (ordinal > perHandler)
      throw new Error(
        `${handler} of ${service} makes more than ${String(perHandler)} calls for one request or message: ask for many things in one call.`,
      );
  }

  #target(caller: string, callee: string): Target {
    const known = this.#targets.get(caller)?.get(callee);
    if (known !== undefined) return known;
    const target = new Target({
      runtime: this.#runtime,
      limits: this.#limits,
      retries: this.#metrics.counter(kitMetrics.callRetries, { callee }),
      log: this.#log.child({ service: caller }),
      caller,
      callee,
    });
    const targets = this.#targets.get(caller) ?? new Map<string, Target>();
    this.#targets.set(caller, targets.set(callee, target));
    return target;
  }
}
