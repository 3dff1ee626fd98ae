import { onBehalfOfHeader } from "../contract/index.ts";
import { isForwarded } from "./forwarded.ts";

/** Headers of one connection, not of the message (RFC 9110, section 7.6.1), and those of proxies. `Expect` is met by whoever reads the body. */
const hopByHop = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Headers that a `Connection` header cannot take from a message, whoever sends it: they frame it, say who asks, and decide whether it is done once. No
 * sender may name them there, as they are meant for all recipients.
 */
const endToEnd = new Set([
  "accept",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "host",
  "idempotency-key",
  "location",
  onBehalfOfHeader,
  "retry-after",
  "set-cookie",
  "traceparent",
  "tracestate",
  "x-call-chain",
  "x-correlation-id",
  "x-request-id",
  "x-request-timeout",
]);

/** Which headers of a message stay on its connection. @param connection its `Connection` header */
export function staysOnConnection(connection: string | undefined): (name: string) => boolean {
  if (connection === undefined || plain.test(connection)) return (name) => hopByHop.has(name);
  const named = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  return (name) => hopByHop.has(name) || (named.has(name) && !endToEnd.has(name) && !isForwarded(name));
}

/** What almost every message says. */
const plain = /^(keep-alive|close)$/i;
