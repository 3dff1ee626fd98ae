import type { FastifyReply, FastifyRequest } from "fastify";
import { kitProblems, type Endpoint, type ProblemError } from "../contract/index.ts";
import type { Random } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import type { Verify } from "../access/index.ts";
import type { RouteMeter } from "./http-metrics.ts";
import { refusal } from "./reply.ts";
import { callerOf } from "./request.ts";
import { send } from "./send.ts";

/** Seconds until a refused client may come again: drawn, so that those refused together do not come together. */
const again = [1, 2, 3] as const;
/** Made once: an error with its stack would be most of what a refusal costs. */
const problems = again.map((seconds) => kitProblems.overloaded({}, { headers: { "retry-after": String(seconds) } }));

export const overloaded = (random: Random): ProblemError =>
  problems[Math.floor(random.next() * again.length)] ?? kitProblems.overloaded({});

export interface OverloadOptions {
  readonly service: Pick<RunningService, "admissions" | "preparing">;
  readonly endpoint: Endpoint;
  readonly random: Random;
  readonly meter: RouteMeter;
  readonly verify: Verify;
  /** Whether there is no room for one more, whatever it asks for. */
  readonly full: () => boolean;
}

/**
 * Runs before the body is read. Operators are let in: they come to help. So are other services, unless there is no room at all: their requests belong to
 * work that was let in somewhere, and are bounded where they are made.
 */
export function entrance({ service, endpoint, random, meter, verify, full }: OverloadOptions) {
  if (endpoint.spec.access === "operator") return {};
  const admission = service.admissions[endpoint.method === "GET" ? "reads" : "writes"];
  const preparing = service.preparing?.(endpoint);
  const refuse = (request: FastifyRequest, reply: FastifyReply) => {
    const problem = overloaded(random);
    meter.begin(reply);
    reply.server.meter.problem(problem.code);
    send(reply, refusal(problem, request.id).reply);
  };
  const isService = async ({ headers }: FastifyRequest): Promise<boolean> => {
    try {
      return (await callerOf(headers, verify, () => {}))?.kind === "service";
    } catch {
      return false;
    }
  };
  return {
    onRequest(request: FastifyRequest, reply: FastifyReply, goOn: () => void): void {
      const busy = !admission.admits() || preparing?.full === true;
      if (full() || (busy && request.headers.authorization === undefined)) refuse(request, reply);
      else if (!busy) goOn();
      else
        void isService(request).then((known) => {
          if (known) goOn();
          else refuse(request, reply);
        });
    },
  };
}
