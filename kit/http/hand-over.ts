import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { findProblem } from "../contract/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { fail } from "./answer.ts";
import { setForwarded } from "./forwarded.ts";
import type { ForwardLimits } from "./limits.ts";

/** Answers a request. The error that it rejects with becomes the reply, unless a reply has begun. */
export type Routing = (
  request: IncomingMessage,
  response: ServerResponse,
  limits: ForwardLimits,
) => void | Promise<void>;

export interface HandOverOptions {
  readonly limits: ForwardLimits;
  /** Name of the service, for the log. */
  readonly service: string;
  readonly log: Logger;
}

/** A Fastify handler that leaves the reply to `routing`. A failure is logged under the id of the request, and becomes the reply unless one has begun. */
export const handOver =
  (routing: Routing, { limits, service, log }: HandOverOptions) =>
  (request: FastifyRequest, reply: FastifyReply): void => {
    setForwarded(request);
    const failed = (error: unknown) => {
      const about = { service, requestId: request.id };
      if (reply.raw.headersSent) {
        log.warn("a reply was cut off", { ...about, cause: causeOf(error) });
        reply.raw.destroy();
        return;
      }
      const { status, code, message: reason } = findProblem(error) ?? { status: 0 };
      if (status >= 500)
        log.warn("a service did not answer a request", { ...about, code, reason, cause: causeOf(error) });
      fail(reply, error);
    };
    routing(request.raw, reply.raw, limits)?.catch(failed);
  };

/** Why the connection failed, such as ECONNREFUSED. */
function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : undefined;
}
