import type { FastifyRequest } from "fastify";

/** Headers in which a proxy describes its client. */
export const isForwarded = (name: string): boolean =>
  name.startsWith("x-forwarded-") || name === "forwarded" || name === "x-real-ip";

/**
 * Sets `X-Forwarded-For`, `-Host` and `-Proto` and the id of the request for a service. Such headers of the client are removed; they are believed only
 * where Fastify's `trustProxy` names the client.
 */
export function setForwarded(request: FastifyRequest): void {
  const { ip, host, protocol, id } = request;
  const { headers } = request.raw;
  for (const name in headers) if (isForwarded(name)) delete headers[name];
  headers["x-forwarded-for"] = ip;
  headers["x-forwarded-proto"] = protocol;
  if (host !== "") headers["x-forwarded-host"] = host;
  headers["x-request-id"] = id;
}
