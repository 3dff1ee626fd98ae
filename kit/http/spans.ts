import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Endpoint } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import { answered } from "../service/index.ts";
import { readTraceparent, type Attributes, type Span, type Spans, type TraceContext } from "../telemetry/index.ts";

/**
 * A span for each request to one of the endpoints, from its head to the end of its reply; the refusals of tokens, bodies and the rest are among them.
 * Pages and unknown paths are not. A path with parameters is not written down: whoever asks chooses what stands in it.
 */
export function showsRequests(
  app: FastifyInstance,
  endpoints: readonly Endpoint[],
  spans: Spans,
): (request: IncomingMessage) => TraceContext | undefined {
  const known = new Map(endpoints.map(({ path }) => [routerPath(path), fixed(path)]));
  const open = new WeakMap<IncomingMessage, Shown>();
  app.addHook("onRequest", (request, reply, next) => {
    const about = known.get(request.routeOptions.url ?? "");
    if (about !== undefined) {
      const { method, headers, raw } = request;
      const header = headers["traceparent"];
      const span = spans.start(`${method} ${about["http.route"]}`, {
        kind: "server",
        parent: readTraceparent(typeof header === "string" ? header : undefined),
        attributes: { ...about, "http.request.method": method, "network.protocol.version": raw.httpVersion },
      });
      const shown: Shown = { span, code: undefined };
      open.set(raw, shown);
      // Also where the client has gone meanwhile, of which the framework says nothing.
      const ended = () => {
        if (reply.raw.writableFinished) answered(span, reply.statusCode, shown.code);
        else span.end("client-gone");
      };
      if (span.context.sampled) reply.raw.once("close", ended);
    }
    next();
  });
  // The code is that of the reply itself, whoever refused.
  app.decorate("traced", (request: IncomingMessage, { status, body, headers }: StoredReply) => {
    const refused = status >= 400 && headers["content-type"] === "application/problem+json";
    const shown = refused ? open.get(request) : undefined;
    if (shown !== undefined && body !== undefined) shown.code = codeIn(body);
  });
  return (request) => open.get(request)?.span.context;
}

interface Shown {
  readonly span: Span;
  code: string | undefined;
}

/** The path of a contract in the words of the router. */
export const routerPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

const fixed = (path: string): Attributes & { readonly "http.route": string } => ({
  "http.route": path,
  "url.scheme": "http",
  ...(path.includes("{") ? {} : { "url.path": path }),
});

function codeIn(text: string): string | undefined {
  const [, code] = /"code":"([\w./-]{1,80})"/.exec(text) ?? [];
  return code;
}
