import type { Socket } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { kitProblems, type Endpoint, type ProblemError } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Connections } from "./connections.ts";
import { edge } from "./edge.ts";
import type { AllowsHost } from "./hosts.ts";
import { meterHttp, type HttpMeter } from "./http-metrics.ts";
import type { HttpLimits } from "./limits.ts";
import { methodsAt } from "./methods-at.ts";
import { listenAddress, originOf } from "./origin.ts";
import { parseQuery } from "./query.ts";
import { rawReply, refusal, translate } from "./reply.ts";
import { clientId } from "./request.ts";
import { send } from "./send.ts";

export interface HttpAppOptions {
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly meter: HttpMeter;
  readonly limits: HttpLimits;
  /** Addresses of proxies whose `X-Forwarded-*` is believed, as `proxy-addr` reads them. @default none */
  readonly trustProxy?: string | undefined;
  /** Whether a Host header is answered. @default all are */
  readonly allowsHost?: AllowsHost | undefined;
}

/** Where a server listens. */
export interface Listening {
  readonly port: number;
  readonly url: string;
  /** Takes no more connections, lets requests in hand finish, ends the rest after `ms`. */
  close(ms: number): Promise<void>;
}

export interface HttpApp {
  readonly app: FastifyInstance;
  readonly sockets: Connections;
  /** Refuses unknown addresses with 404, and unknown methods of those of `endpoints` with 405. */
  refuseUnknown(endpoints: readonly Endpoint[]): void;
  /** @param port 0 takes a free one */
  listen(host: string, port: number): Promise<Listening>;
}

const noCompiler = () => () => {
  throw new Error("No route has a schema of the framework's.");
};

/** A Fastify application with the limits, refusals, metrics and shutdown that every port of the kit has. */
export function httpApp({ runtime, log, meter, limits, trustProxy, allowsHost }: HttpAppOptions): HttpApp {
  const { server, sockets, serve } = edge({
    limits,
    runtime,
    allowsHost,
    refused: (problem) => meter.refused(problem),
  });
  const app = fastify({
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    exposeHeadRoutes: true,
    trustProxy: trustProxy ?? false,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: false, querystringParser: (text) => parseQuery(text) },
    frameworkErrors: (error, request, reply) => send(reply, refuse(error, request.id)),
    clientErrorHandler: (error, socket) => meter.refused(clientError(error, socket, runtime)),
    serverFactory: serve,
    // Contracts check what comes and cut what goes: without these the framework would load compilers of its own, which nobody asks.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    genReqId: (request) => clientId(request.headers["x-request-id"]) ?? runtime.ids.uuidv7(),
  });
  meterHttp(app, meter);
  const connections = meter.watch(server);
  const refuse = (error: unknown, requestId: string): StoredReply => {
    const { reply, problem, bug } = refusal(translate(error), requestId);
    if (bug) log.error("a request failed", { requestId, error: problem });
    meter.problem(problem.code);
    return reply;
  };
  app.removeAllContentTypeParsers();
  // The framework is told that no method has a body: whoever answers reads it, see `receive`.
  for (const method of app.supportedMethods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  app.setErrorHandler((error, request, reply) => send(reply, refuse(error, request.id)));
  return {
    app,
    sockets,
    refuseUnknown(endpoints) {
      const methodsOf = methodsAt(endpoints);
      app.setNotFoundHandler(({ raw }) => {
        const allow = methodsOf(raw.url ?? "/").join(", ");
        throw allow === "" ? kitProblems.notFound({}) : kitProblems.methodNotAllowed({}, { headers: { allow } });
      });
    },
    async listen(host, port) {
      // Without, Node takes 511: more that connect at once would wait for seconds, as if lost on the way.
      await app.listen({ port, host: listenAddress(host), backlog: limits.connections });
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      return {
        port: bound,
        url: originOf(host, bound),
        async close(ms) {
          const force = runtime.timers.after(ms, () => server.closeAllConnections());
          const closed = app.close();
          sockets.letGo();
          connections.stop();
          await closed;
          force.cancel();
        },
      };
    },
  };
}

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
