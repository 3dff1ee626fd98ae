import type { IncomingHttpHeaders, IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Verify } from "../access/index.ts";
import { kitProblems, mediaTypesOf, type Caller, type Endpoint, type ProblemError } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import { within, type Runtime } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import { noMetrics, type Logger, type Metrics, type TraceContext, type Tracing } from "../telemetry/index.ts";
import { Answer, fail } from "./answer.ts";
import { parseBody, receive, type JsonBody } from "./body.ts";
import { HttpMeter, meterHttp, metricsPage } from "./http-metrics.ts";
import { Incoming } from "./incoming.ts";
import { connectionsOf, type Connections } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import { entrance } from "./overload.ts";
import { deprecation, rawReply, refusal, translate } from "./reply.ts";
import { json, pages } from "./pages.ts";
import { send } from "./send.ts";
import { RouteTable } from "./route-table.ts";
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
  /** Counted here, and shown at `/metrics`. @default nowhere */
  readonly metrics?: Metrics;
  /** @default none */
  readonly tracing?: Tracing | undefined;
}

export interface HttpLimits {
  /** @default 262144 */
  readonly bodyBytes: number;
  /** @default 16384 */
  readonly headerBytes: number;
  /** For a whole request to arrive; may be a quarter more until it is seen. @default 30000 */
  readonly requestMs: number;
  /** For a handler. @default 10000 */
  readonly timeoutMs: number;
  /** @default 4096 */
  readonly connections: number;
  /** Requests in hand, whatever they wait for; more are refused before their bodies are read. @default 2048 */
  readonly inHand: number;
}
export const httpLimits: HttpLimits = {
  bodyBytes: 262_144,
  headerBytes: 16_384,
  requestMs: 30_000,
  timeoutMs: 10_000,
  connections: 4_096,
  inHand: 2_048,
};

const noCompiler = () => () => {
  throw new Error("No route has a schema of the framework's.");
};

/** What Node itself watches over. Fastify's own option sets one of the times, and too late for the other. */
export const serverOptions = ({ headerBytes, requestMs }: HttpLimits): ServerOptions => ({
  maxHeaderSize: headerBytes,
  requestTimeout: requestMs,
  // Where it is the longer of the two, Node takes each for the other: 60 s, its default, would be the time of a whole request.
  headersTimeout: requestMs,
  // Node looks every 30 s, which lets twice the time pass.
  connectionsCheckingInterval: Math.ceil(requestMs / 4),
  keepAliveTimeout: 65_000,
});

export interface HttpServer {
  readonly service: RunningService;
  readonly port: number;
  readonly url: string;
  /** Handles a request that arrived on another server's socket. */
  routing(request: IncomingMessage, response: ServerResponse): void;
  /** Takes no more connections, lets requests in hand finish, ends the rest after `ms`. */
  close(ms: number): Promise<void>;
}

/** A service on a port of its own: every endpoint, `/health`, `/metrics`, `/openapi.json` and `/docs`. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { service, runtime, log, host = "127.0.0.1", metrics = noMetrics } = options;
  const limits = { ...httpLimits, ...options.limits };
  const app = fastify({
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 65_000,
    // The front door of several processes, or a proxy of the same machine, says in X-Forwarded-For whom it speaks for.
    trustProxy: "loopback",
    forceCloseConnections: "idle",
    return503OnClosing: false,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: false, querystringParser: (text) => parseQuery(text) },
    frameworkErrors: (error, request, reply) => send(reply, refuse(error, idOf(request))),
    clientErrorHandler: (error, socket) => meter.refused(clientError(error, socket, runtime)),
    http: serverOptions(limits),
    // Contracts check what comes and cut what goes: without these the framework would load compilers of its own, which nobody asks.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    genReqId: (request) => clientId(request.headers["x-request-id"]) ?? runtime.ids.uuidv7(),
  });
  const meter = meterHttp(app, new HttpMeter(metrics, service.name, runtime.clock));
  const connections = meter.watch(app.server);
  app.server.maxConnections = limits.connections;
  const sockets = connectionsOf(app.server);
  const refuse = (error: unknown, requestId: string): StoredReply => {
    const { reply, problem, bug } = refusal(translate(error), requestId);
    if (bug) log.error("a request failed", { requestId, error: problem });
    meter.problem(problem.code);
    return reply;
  };
  app.removeAllContentTypeParsers();
  // The framework is told that no method has a body: each route receives its own, see `receive`.
  for (const method of ["POST", "PUT", "PATCH", "DELETE"])
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  app.setErrorHandler((error, request, reply) => send(reply, refuse(error, idOf(request))));
  const table = new RouteTable<Endpoint>();
  for (const endpoint of service.endpoints) table.add(endpoint, endpoint);
  app.setNotFoundHandler((request, reply) => {
    const found = table.find(request.method, request.raw.url ?? "/");
    const others = "allowed" in found ? found.allowed : [];
    const problem =
      others.length === 0
        ? kitProblems.notFound({})
        : kitProblems.methodNotAllowed({}, { headers: { allow: others.join(", ") } });
    send(reply, refuse(problem, idOf(request)));
  });
  const spans = options.tracing?.of(service.name);
  const traceOf = spans === undefined ? undefined : showsRequests(app, service.endpoints, spans);
  const deadlines = new Deadlines(runtime);
  for (const endpoint of service.endpoints)
    addRoute(app, endpoint, { ...options, limits, sockets, deadlines, traceOf });
  addPages(app, service, metrics);
  // Without, Node takes 511: more that connect at once would wait for seconds, as if lost on the way.
  await app.listen({ port: options.port, host, backlog: limits.connections });
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    service,
    port,
    url: `http://${host}:${String(port)}`,
    routing: (request, response) => app.routing(request, response),
    async close(ms) {
      const force = runtime.timers.after(ms, () => app.server.closeAllConnections());
      const closed = app.close();
      sockets.letGo();
      connections.stop();
      await closed;
      force.cancel();
    },
  };
}

interface RouteOptions extends HttpOptions {
  readonly limits: HttpLimits;
  readonly sockets: Connections;
  readonly deadlines: Deadlines;
  readonly traceOf: ((request: IncomingMessage) => TraceContext | undefined) | undefined;
}

function addRoute(
  app: FastifyInstance,
  endpoint: Endpoint,
  { service, runtime, log, verify, limits, sockets, deadlines, traceOf }: RouteOptions,
): void {
  const { spec, method } = endpoint;
  const timeoutMs = spec.limits?.timeoutMs ?? limits.timeoutMs;
  const extra = deprecation(endpoint);
  const mediaTypes = mediaTypesOf(spec.body);
  const bodyBytes = spec.limits?.bodyBytes ?? limits.bodyBytes;
  const meter = app.meter.route(endpoint);
  const handle = (request: FastifyRequest, reply: FastifyReply, bytes: Buffer | undefined): void => {
    const { headers } = request;
    const requestId = idOf(request);
    const deadline = meter.begin(reply) + patience(headers["x-request-timeout"], timeoutMs);
    if (typeof request.query === "object" && request.query !== null && malformed.has(request.query)) {
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
        random: runtime.random,
        shown: traceOf?.(request.raw),
      });
      const answer = new Answer(reply, incoming, extra);
      deadlines.watch(answer);
      service.dispatch(incoming).then(
        (stored) => answer.give(stored),
        (error: unknown) => answer.fail(error),
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
      full: () => sockets.inHand() > limits.inHand,
    }),
    handler(request, reply) {
      if (method === "GET") handle(request, reply, undefined);
      else
        receive(request.raw, bodyBytes, (error, bytes) => {
          try {
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
  return mediaTypes === undefined ? parseBody(bytes) : { value: bytes, suspect: false };
}

const idOf = (request: FastifyRequest): string => request.id;

/** Queries that are not valid percent-encoded UTF-8. The router may not throw: nobody would catch it. */
const malformed = new WeakSet<object>();

/** Repeated names become lists. */
function parseQuery(text: string): Record<string, string | string[]> {
  if (text === "") return {};
  const query = new Map<string, string | string[]>();
  let valid = true;
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part.replaceAll("+", " "));
    } catch {
      valid = false;
      return "";
    }
  };
  for (const part of text.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = decode(at < 0 ? part : part.slice(0, at));
    const value = at < 0 ? "" : decode(part.slice(at + 1));
    const before = query.get(name);
    query.set(name, before === undefined ? value : [...(typeof before === "string" ? [before] : before), value]);
  }
  // `fromEntries` defines own fields, whatever their names.
  const fields = Object.fromEntries(query);
  if (!valid) malformed.add(fields);
  return fields;
}

const suspectUrl = (url: string): boolean => url.includes("%00");

/** Gives what it answered; undefined where nobody is there to read it. */
function clientError(error: Error, socket: Socket, runtime: Runtime): ProblemError | undefined {
  if (!socket.writable || ("code" in error && error.code === "ECONNRESET")) {
    socket.destroy();
    return undefined;
  }
  const { reply, problem } = refusal(translate(error), runtime.ids.uuidv7());
  socket.end(rawReply(reply));
  return problem;
}

function addPages(app: FastifyInstance, service: RunningService, metrics: Metrics): void {
  const { name: title, endpoints, events, problems } = service;
  app.get("/health/live", (_request, reply) => send(reply, json(200, { status: "live" })));
  const ready = async (_request: FastifyRequest, reply: FastifyReply) => {
    const failing = await service.unready();
    send(
      reply,
      json(failing.length === 0 ? 200 : 503, {
        status: failing.length === 0 ? "ready" : "unready",
        service: title,
        failing,
      }),
    );
  };
  app.get("/health/ready", ready);
  app.get("/health", ready);
  const { docs, openapi } = pages({ title: `Holdfast ${title}`, endpoints, events, problems });
  app.get("/openapi.json", (_request, reply) => send(reply, openapi()));
  app.get("/docs", (_request, reply) => send(reply, docs()));
  app.get("/metrics", async (_request, reply) => send(reply, await metricsPage(metrics)));
}
