import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Verify } from "../access/index.ts";
import { findProblem, kitProblems, mediaTypesOf, type Caller, type Endpoint } from "../contract/index.ts";
import { within, type Runtime } from "../runtime/index.ts";
import { callChainHeader, callChainOf, type RunningService } from "../service/index.ts";
import { noMetrics, type Logger, type Metrics, type TraceContext, type Tracing } from "../telemetry/index.ts";
import { Answer, fail } from "./answer.ts";
import { httpApp, type Listening } from "./app.ts";
import { BodyMemory } from "./body-memory.ts";
import { receive } from "./body.ts";
import type { Connections } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import { HttpMeter } from "./http-metrics.ts";
import { Incoming } from "./incoming.ts";
import type { AllowsHost } from "./hosts.ts";
import { parseJson, type JsonBody } from "./json.ts";
import { forwardLimits, httpLimits, type HttpLimits } from "./limits.ts";
import { entrance } from "./overload.ts";
import { addPages } from "./pages.ts";
import { isMalformedQuery } from "./query.ts";
import { deprecation } from "./reply.ts";
import { callerOf, checkMediaType, clientId, idempotencyKey, patience } from "./request.ts";
import { routerPath, showsRequests } from "./spans.ts";

export interface HttpOptions {
  readonly service: RunningService;
  /** 0 takes a free one. */
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  readonly verify: Verify;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly limits?: Partial<HttpLimits>;
  /** Whether a Host header is answered. @default all are */
  readonly allowsHost?: AllowsHost | undefined;
  /** Whether anyone may read `/docs`, `/openapi.json`, `/metrics` and why a health check fails; otherwise operators may. @default true */
  readonly openPages?: boolean;
  /** Counted here, and shown at `/metrics`. @default nowhere */
  readonly metrics?: Metrics;
  /** @default none */
  readonly tracing?: Tracing | undefined;
}

export interface HttpServer extends Listening {
  readonly service: RunningService;
  /** Handles a request that arrived on another server's socket. */
  routing(request: IncomingMessage, response: ServerResponse): void;
}

/** A service on a port of its own: every endpoint, `/health`, `/metrics`, `/openapi.json` and `/docs`. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { service, runtime, log, host = "127.0.0.1", metrics = noMetrics } = options;
  const limits = { ...httpLimits, ...options.limits };
  const meter = new HttpMeter(metrics, service.name, runtime.clock);
  const { app, sockets, refuseUnknown, listen } = httpApp({
    runtime,
    log,
    meter,
    limits,
    trustProxy: "loopback",
    allowsHost: options.allowsHost,
  });
  refuseUnknown(service.endpoints);
  const spans = options.tracing?.of(service.name);
  const traceOf = spans === undefined ? undefined : showsRequests(app, service.endpoints, spans);
  const deadlines = new Deadlines(runtime);
  const memory = new BodyMemory(limits.bodyMemoryBytes);
  for (const endpoint of service.endpoints)
    addRoute(app, endpoint, { ...options, limits, sockets, memory, deadlines, traceOf });
  const { name, endpoints, events, problems } = service;
  addPages(app, {
    described: { title: `Holdfast ${name}`, endpoints, events, problems },
    metrics,
    log,
    failing: async () => [{ service: name, failing: await service.unready() }],
    health: ([own]) => ({ ...own }),
    operatorsOnly: options.openPages === false ? options.verify : undefined,
  });
  const listening = await listen(host, options.port);
  return { service, ...listening, routing: (request, response) => app.routing(request, response) };
}

interface RouteOptions extends HttpOptions {
  readonly limits: HttpLimits;
  readonly sockets: Connections;
  readonly memory: BodyMemory;
  readonly deadlines: Deadlines;
  readonly traceOf: ((request: IncomingMessage) => TraceContext | undefined) | undefined;
}

function addRoute(
  app: FastifyInstance,
  endpoint: Endpoint,
  { service, runtime, log, verify, limits, sockets, memory, deadlines, traceOf }: RouteOptions,
): void {
  const { spec, method } = endpoint;
  const { timeoutMs, bodyBytes } = forwardLimits(endpoint, limits);
  const extra = deprecation(endpoint);
  const mediaTypes = mediaTypesOf(spec.body);
  const meter = app.meter.route(endpoint);
  // A unit that could not begin before its deadline: the client has set that, and the service may have little to do.
  const isLate = (error: unknown, deadline: number) =>
    findProblem(error, kitProblems.overloaded.code) !== undefined && runtime.clock.monotonic() >= deadline;
  const handle = (request: FastifyRequest, reply: FastifyReply, bytes: Buffer | undefined): void => {
    const { headers } = request;
    const requestId = idOf(request);
    const begunAt = meter.begin(reply);
    const waitsMs = patience(headers["x-request-timeout"], timeoutMs);
    if (waitsMs === 0) throw kitProblems.deadlineExceeded({});
    const deadline = begunAt + waitsMs;
    if (isMalformedQuery(request.query)) {
      throw kitProblems.malformedRequest({ reason: "The query is not valid percent-encoded UTF-8." });
    }
    const body = readBody(endpoint, headers, bytes, mediaTypes);
    const from = (caller: Caller | undefined) => {
      const incoming = new Incoming({
        endpoint,
        // Proof: the router gives each name of the path as text; `parseQuery` text or lists of text.
        params: request.params as Record<string, string>,
        query: request.query as Record<string, string | string[]>,
        headers,
        body: body?.value,
        suspectText: (body?.suspect ?? false) || suspectUrl(request.raw.url ?? ""),
        caller,
        client: request,
        idempotencyKey: idempotencyKey(endpoint, headers["idempotency-key"]),
        deadline,
        requestId,
        correlationId: clientId(headers["x-correlation-id"]) ?? requestId,
        callChain: callChainOf(caller, headers[callChainHeader]),
        random: runtime.random,
        shown: traceOf?.(request.raw),
      });
      const answer = new Answer(reply, incoming, extra);
      deadlines.watch(answer);
      service.dispatch(incoming).then(
        (stored) => answer.give(stored),
        (error: unknown) => answer.fail(isLate(error, deadline) ? kitProblems.deadlineExceeded({}) : error),
      );
    };
    if (headers.authorization === undefined) from(undefined);
    else {
      const called = callerOf(headers, verify, (error) => log.debug("a token was refused", { requestId, error }));
      within(runtime, deadline, called, () => kitProblems.deadlineExceeded({}))
        .then(from)
        .catch((error: unknown) => fail(reply, error));
    }
  };
  app.route({
    method,
    url: routerPath(endpoint.path),
    ...entrance({
      service,
      endpoint,
      random: runtime.random,
      meter,
      verify,
      full: () => sockets.inHand() > limits.inHand,
    }),
    handler(request, reply) {
      if (method === "GET") handle(request, reply, undefined);
      else
        receive(reply.raw, { bytes: bodyBytes, memory }, (error, bytes, held) => {
          try {
            held?.free();
            if (error !== undefined) throw error;
            handle(request, reply, bytes);
          } catch (thrown) {
            fail(reply, thrown);
          }
        });
    },
  });
}

function readBody(
  { spec }: Endpoint,
  headers: IncomingHttpHeaders,
  bytes: Buffer | undefined,
  mediaTypes: readonly string[] | undefined,
): JsonBody | undefined {
  if (spec.body === undefined) {
    if (bytes === undefined || bytes.length === 0) return undefined;
    throw kitProblems.invalidRequest({
      errors: [{ in: "body", field: "", rule: "unknown", message: "this endpoint takes no body" }],
    });
  }
  if (bytes === undefined || bytes.length === 0)
    throw kitProblems.invalidRequest({ errors: [{ in: "body", field: "", rule: "required", message: "is required" }] });
  checkMediaType(headers["content-type"], headers["content-encoding"], mediaTypes);
  return mediaTypes === undefined ? parseJson(bytes) : { value: bytes, suspect: false };
}

const idOf = (request: FastifyRequest): string => request.id;

const suspectUrl = (url: string): boolean => url.includes("%00");
