import type { ServerOptions } from "node:http";
import type { Endpoint } from "../contract/index.ts";

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
  /** A connection whose client reads nothing of its replies for this long is closed; may be twice that until it is seen. @default 30000 */
  readonly unreadMs: number;
  /** Requests that are being handled; more are refused before their bodies are read. Arriving bodies and written replies do not count. @default 2048 */
  readonly inHand: number;
  /** Requests that wait for their turn of the event loop; more are refused. Without pipelining there are fewer, as connections are limited. @default 8192 */
  readonly waiting: number;
  /** Requests of one connection whose replies are not sent yet; more are refused. @default 256 */
  readonly pipelined: number;
  /** Of all bodies in memory; a body that is the only one may have more. @default 134217728 */
  readonly bodyMemoryBytes: number;
}
export const httpLimits: HttpLimits = {
  bodyBytes: 262_144,
  headerBytes: 16_384,
  requestMs: 30_000,
  timeoutMs: 10_000,
  connections: 4_096,
  unreadMs: 30_000,
  inHand: 2_048,
  waiting: 8_192,
  pipelined: 256,
  bodyMemoryBytes: 134_217_728,
};

/** Limits of an endpoint that a proxy in front of its service applies. */
export type ForwardLimits = Pick<HttpLimits, "bodyBytes" | "timeoutMs">;

export const forwardLimits = (
  { spec: { limits } }: Pick<Endpoint, "spec">,
  { bodyBytes, timeoutMs }: ForwardLimits = httpLimits,
): ForwardLimits => ({
  bodyBytes: limits?.bodyBytes ?? bodyBytes,
  timeoutMs: limits?.timeoutMs ?? timeoutMs,
});

/** The largest limits of some endpoints. */
export function largestLimits(endpoints: readonly Pick<Endpoint, "spec">[]): ForwardLimits {
  const all = [httpLimits, ...endpoints.map((endpoint) => forwardLimits(endpoint))];
  return {
    bodyBytes: Math.max(...all.map(({ bodyBytes }) => bodyBytes)),
    timeoutMs: Math.max(...all.map(({ timeoutMs }) => timeoutMs)),
  };
}

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
