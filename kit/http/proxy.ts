import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { urlToHttpOptions } from "node:url";
import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { HttpMeter } from "./http-metrics.ts";
import { refusal } from "./reply.ts";
import { httpLimits } from "./server.ts";

/** Headers of one connection, not of the message (RFC 9110, section 7.6.1). */
const hopByHop = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

export interface Proxy {
  /** Hands the request on, both bodies as streams; 503 while the service cannot be reached. */
  routing(request: IncomingMessage, response: ServerResponse): void;
  close(): void;
}

/** To a service in another process, wherever it is by then; what the proxy itself refuses is counted by `meter`, if there is one. */
export function proxyTo(
  originOf: () => string | undefined,
  { ids }: Pick<Runtime, "ids">,
  meter?: Pick<HttpMeter, "refused">,
): Proxy {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const refuse = (response: ServerResponse, reason: string) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { reply, problem } = refusal(kitProblems.unavailable({ reason }), ids.uuidv7());
    const { status, headers, body } = reply;
    // A client that has gone was refused nothing.
    if (!response.destroyed) meter?.refused(problem);
    response.writeHead(status, headers).end(body);
  };
  return {
    routing(request, response) {
      const origin = originOf();
      if (origin === undefined) {
        refuse(response, "The service is starting.");
        return;
      }
      const headers = { ...request.headers };
      for (const name of [...hopByHop, ...named(request.headers.connection)]) delete headers[name];
      // The client's address is no more than a path there: `//elsewhere/` is not another origin.
      const onward = httpRequest({
        ...urlToHttpOptions(new URL(origin)),
        path: request.url ?? "/",
        method: request.method ?? "GET",
        headers,
        agent,
        timeout: httpLimits.requestMs,
      });
      onward.on("response", (reply) => {
        const answered = { ...reply.headers };
        for (const name of [...hopByHop, ...named(reply.headers.connection)]) delete answered[name];
        response.writeHead(reply.statusCode ?? 502, answered);
        reply.pipe(response);
        reply.on("error", () => response.destroy());
      });
      onward.on("timeout", () => onward.destroy(new Error("The service does not answer.")));
      onward.on("error", () => refuse(response, "The service could not be reached, or its answer was lost."));
      response.on("close", () => onward.destroy());
      request.pipe(onward);
    },
    close: () => agent.destroy(),
  };
}

const named = (connection: string | undefined): readonly string[] =>
  (connection ?? "").split(",").map((name) => name.trim().toLowerCase());
