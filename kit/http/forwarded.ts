import type { FastifyRequest } from "fastify";

/** What only a proxy may say of a client. */
export const isForwarded = (name: string): boolean =>
  name.startsWith("x-forwarded-") || name === "forwarded" || name === "x-real-ip";

/**
 * Tells a service who asks, and by which address: `X-Forwarded-For`, `-Host` and `-Proto`, and the id of the request. Whatever the client says of that is
 * removed; it counts where the client is a proxy that Fastify's `trustProxy` names.
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
