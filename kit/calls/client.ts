import { kitProblems, type Endpoint, type ReplyOf } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { CallRequest, Calls, Cause, RunningService } from "../service/index.ts";
import { kitMetrics, noMetrics, type Collector, type Metrics, type Tracing } from "../telemetry/index.ts";
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
  readonly limits?: Partial<CallLimits>;
  /** @default nothing is counted */
  readonly metrics?: Metrics | undefined;
  /** @default none */
  readonly tracing?: Tracing | undefined;
}

const defaultTimeoutMs = 10_000;

/** The typed client of any endpoint: in process where its service is, over HTTP where it is not. */
export class Client implements Calls {
  readonly #runtime: Runtime;
  readonly #limits: CallLimits;
  readonly #local = new Map<string, Transport>();
  readonly #http: HttpClient | undefined;
  readonly #tracing: Tracing | undefined;
  readonly #targets = new Map<string, Target>();
  readonly #metrics: Metrics;
  readonly #meter: CallMeter;
  readonly #breakers: Collector;

  constructor({ runtime, elsewhere, limits, metrics = noMetrics, tracing }: ClientOptions) {
    this.#runtime = runtime;
    this.#metrics = metrics;
    this.#meter = new CallMeter(metrics, runtime.clock);
    this.#breakers = metrics.onScrape("calls", (show) => {
      for (const [callee, { breaker }] of this.#targets) show(kitMetrics.breakers, { callee }, breaker);
    });
    this.#tracing = tracing;
    this.#limits = { ...callLimits, ...limits };
    this.#http = elsewhere === undefined ? undefined : new HttpClient({ runtime, ...elsewhere });
  }

  /** A service of this process. */
  add(service: RunningService): void {
    this.#local.set(service.name, localTransport(service, this.#runtime, this.#tracing?.of(service.name)));
  }

  /** Rejects with a problem that the callee's contract declares, else `kit/call-failed`, `kit/unavailable` or `kit/deadline-exceeded`. */
  async call<E extends Endpoint>(endpoint: E, request: CallRequest<E>, cause: Cause): Promise<ReplyOf<E>> {
    const transport = this.#local.get(endpoint.owner) ?? this.#http?.transport;
    if (transport === undefined)
      throw kitProblems.unavailable({ reason: `No instance of ${endpoint.owner} is known here.` });
    const begunAt = this.#meter.begin();
    try {
      const spans = this.#tracing?.of(cause.service);
      const shown = spans === undefined ? transport : showsAttempts(transport, spans);
      const reply = await this.#target(endpoint.owner).send(shown, this.#outward(endpoint, request, cause));
      const body = replyBody(endpoint, reply);
      this.#meter.end(cause.service, endpoint, "ok", begunAt);
      // Proof: just checked against the schema that `ReplyOf<E>` is inferred from.
      return { status: reply.status, body, headers: reply.headers } as ReplyOf<E>;
    } catch (error) {
      const problem = escaped(endpoint, error);
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
    return {
      endpoint,
      params: given.params ?? {},
      query: asText(given.query),
      headers: asText(given.headers),
      body: given.body,
      caller: callingService(cause.service, cause.caller),
      idempotencyKey: spec.idempotent === true ? (given.idempotencyKey ?? ids.uuidv7()) : undefined,
      deadline: Math.min(cause.deadline, clock.monotonic() + timeoutMs),
      signal: cause.signal,
      correlationId: cause.correlationId,
      trace: cause.trace,
    };
  }

  #target(service: string): Target {
    let target = this.#targets.get(service);
    if (target === undefined) {
      const retries = this.#metrics.counter(kitMetrics.callRetries, { callee: service });
      this.#targets.set(service, (target = new Target(this.#runtime, this.#limits, retries)));
    }
    return target;
  }
}
