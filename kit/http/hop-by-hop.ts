import { onBehalfOfHeader } from "../contract/index.ts";
import { isForwarded } from "./forwarded.ts";

/** Headers of one connection, not of the message (RFC 9110, section 7.6.1), and those between proxies. `Expect` ends at the server that reads the body. */
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
 * Headers that a `Connection` header cannot remove from a message: they frame it, identify the caller, or make it repeatable. No sender may name them
 * there, because they are for all recipients.
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

/** The value in almost every message. */
const plain = /^(keep-alive|close)$/i;
