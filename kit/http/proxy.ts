import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Agent } from "undici";
import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { BodyMemory, type HeldBody } from "./body-memory.ts";
import { receive } from "./body.ts";
import { Exchange } from "./exchange.ts";
import { staysOnConnection } from "./hop-by-hop.ts";
import { httpLimits, type ForwardLimits } from "./limits.ts";
import { patience } from "./request.ts";

export interface Forwarding {
  /** Of the service; undefined while it has none. */
  readonly origin: string | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** A larger body is refused with 413. The reply may begin 5 s after the time limit, because the service answers late requests itself. */
  readonly limits: ForwardLimits;
}

export interface HttpProxy {
  /**
   * Sends a request to a service in another process and its reply to the client. Resolves when the reply was sent, or the client has gone. Rejects where
   * the reply did not come or was cut off: with a problem that says whether the request may have been handled.
   */
  forward(forwarding: Forwarding): Promise<void>;
  close(): Promise<void>;
}

/** Beyond the service's own time limit. */
const marginMs = 5_000;
const connectMs = 2_000;
/** Between two pieces of a reply. A client that reads slowly does not use it up. */
const pauseMs = 30_000;

/**
 * Forwards requests through undici. A body is read whole, up to its limit, before the request takes a connection: slow clients take none, and undici frames
 * the request by the length of its body. Connections have no limit, so clients that read slowly delay nobody else.
 */
export function httpProxy({ timers }: Pick<Runtime, "timers">): HttpProxy {
  const memory = new BodyMemory(httpLimits.bodyMemoryBytes);
  const agent = openAgent();
  // `forward` reports it.
  agent.catch(() => {});
  return {
    async forward({ origin, request, response, limits }) {
      if (origin === undefined) throw kitProblems.unavailable({ reason: "The service is starting." });
      const ms = patience(request.headers["x-request-timeout"], limits.timeoutMs) + marginMs;
      const { bytes, held } = await bodyOf(response, limits.bodyBytes, memory);
      const late = timers.after(ms, () => exchange.giveUp());
      const exchange = new Exchange({ request, response, onReply: () => late.cancel() });
      const sent = {
        origin,
        path: request.url ?? "/",
        method: request.method ?? "GET",
        headers: onward(request.headers),
        body: bytes ?? null,
        headersTimeout: 0,
        bodyTimeout: pauseMs,
      };
      try {
        (await agent).dispatch(sent, exchange);
        await exchange.done;
      } finally {
        late.cancel();
        held?.free();
      }
    },
    close: async () => (await agent).destroy(),
  };
}

/** undici has a hundred modules: it is loaded only where requests are forwarded. */
async function openAgent(): Promise<Agent> {
  const undici = await import("undici");
  return new undici.Agent({ connect: { timeout: connectMs }, pipelining: 1 });
}

interface Body {
  readonly bytes: Buffer | undefined;
  readonly held: HeldBody | undefined;
}

/** Stays pending where the client has gone. */
const bodyOf = (response: ServerResponse, limitBytes: number, memory: BodyMemory): Promise<Body> =>
  new Promise((resolve, reject) => {
    receive(response, { bytes: limitBytes, memory }, (error, bytes, held) =>
      error === undefined ? resolve({ bytes, held }) : reject(error),
    );
  });

/** Headers for the service. undici sets the length of the body. */
function onward(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const stays = staysOnConnection(headers.connection);
  const sent: IncomingHttpHeaders = {};
  for (const name in headers) if (name !== "content-length" && !stays(name)) sent[name] = headers[name];
  return sent;
}
