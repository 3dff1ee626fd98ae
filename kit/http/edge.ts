import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { kitProblems, type ProblemError } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { connectionsOf, type Connections } from "./connections.ts";
import { CountedReply } from "./counted-reply.ts";
import { isHostHeader, type AllowsHost } from "./hosts.ts";
import { serverOptions, type HttpLimits } from "./limits.ts";
import { overloaded } from "./overload.ts";
import { refusal } from "./reply.ts";
import { clientId } from "./request.ts";

export interface EdgeOptions {
  readonly limits: HttpLimits;
  readonly runtime: Pick<Runtime, "ids" | "random" | "timers">;
  /** Whether a Host header is answered. @default all are */
  readonly allowsHost?: AllowsHost | undefined;
  /** Called with each refusal. */
  readonly refused: (problem: ProblemError) => void;
}

/** Answered at once, however many requests wait: whoever asks for them decides whether this process lives on. */
const healthPages = new Set(["/health", "/health/live", "/health/ready"]);

/** A server and its connections. */
export interface Edge {
  readonly server: Server;
  readonly sockets: Connections;
  /** Says who handles requests. Returns the server. */
  serve(handle: RequestListener): Server;
}

/**
 * A server that hands on as many requests in a turn of the event loop as it has time for. It refuses those that nobody else should see: without a Host
 * header or with two, with one that is not allowed, or with an expectation other than `100-continue`.
 */
export function edge({ limits, runtime, allowsHost, refused }: EdgeOptions): Edge {
  const refuse = (request: IncomingMessage, response: ServerResponse, problem: ProblemError) => {
    const requestId = clientId(request.headers["x-request-id"]) ?? runtime.ids.uuidv7();
    const { status, headers, body = "" } = refusal(problem, requestId).reply;
    refused(problem);
    const own = {
      "x-request-id": requestId,
      "x-content-type-options": "nosniff",
      "content-length": Buffer.byteLength(body),
    };
    response.writeHead(status, { ...headers, ...own }).end(body);
  };
  // Node's own check of the Host header answers with an empty body.
  const server = createServer({
    ...serverOptions(limits),
    requireHostHeader: false,
    ServerResponse: CountedReply,
  });
  // Node drops headers beyond a number without a word; how many there can be is limited by their bytes.
  server.maxHeadersCount = 0;
  const sockets = connectionsOf(server, limits, runtime);
  server.on("checkExpectation", (request, response) => {
    if (sockets.isOutOfStep(request, response)) return;
    refuse(request, response, hostProblem(request, allowsHost) ?? kitProblems.expectationFailed({}));
  });
  const isFull = (socket: Socket) =>
    sockets.isSpare(socket) || sockets.waiting() >= limits.waiting || sockets.onConnection(socket) > limits.pipelined;
  return {
    server,
    sockets,
    serve: (handle) =>
      server.on("request", (request, response) => {
        if (sockets.isOutOfStep(request, response)) return;
        const problem = hostProblem(request, allowsHost);
        if (problem !== undefined) refuse(request, response, problem);
        else if (healthPages.has(request.url ?? "")) handle(request, response);
        else if (isFull(request.socket)) refuse(request, response, overloaded(runtime.random));
        else sockets.begin(response, () => handle(request, response));
      }),
  };
}

/** RFC 9112, section 3.2. */
function hostProblem(
  { headers: { host }, rawHeaders, httpVersion, url = "/" }: IncomingMessage,
  allowsHost: AllowsHost | undefined,
): ProblemError | undefined {
  if (host === undefined) return httpVersion === "1.0" ? undefined : malformed("The Host header is missing.");
  if (isRepeated(rawHeaders)) return malformed("There is more than one Host header.");
  if (!isHostHeader(host)) return malformed("The Host header is no host.");
  const wanted = hostIn(url) ?? host;
  return allowsHost === undefined || allowsHost(wanted) ? undefined : kitProblems.hostNotAllowed({ host: wanted });
}

/** A whole URL as the address counts in place of the Host header (RFC 9112, section 3.2.2). */
const hostIn = (url: string): string | undefined => (url.startsWith("/") ? undefined : URL.parse(url)?.host);

/** The connection ends: what follows on it cannot be trusted. */
const malformed = (reason: string): ProblemError =>
  kitProblems.malformedRequest({ reason }, { headers: { connection: "close" } });

/** Of equal names Node keeps the first in `headers`, and all in `rawHeaders`: names and values in turn. */
function isRepeated(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1;
}
