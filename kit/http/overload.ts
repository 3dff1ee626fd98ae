import type { FastifyReply, FastifyRequest } from "fastify";
import { kitProblems, type Endpoint, type ProblemError } from "../contract/index.ts";
import type { Random } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import type { RouteMeter } from "./http-metrics.ts";
import { refusal } from "./reply.ts";
import { send } from "./send.ts";

/** Seconds until a refused client may come again: drawn, so that those refused together do not come together. */
const again = [1, 2, 3] as const;
/** Made once: an error with its stack would be most of what a refusal costs. */
const problems = again.map((seconds) => kitProblems.overloaded({}, { headers: { "retry-after": String(seconds) } }));

export const overloaded = (random: Random): ProblemError =>
  problems[Math.floor(random.next() * again.length)] ?? kitProblems.overloaded({});

export interface OverloadOptions {
  readonly service: Pick<RunningService, "admissions">;
  readonly endpoint: Endpoint;
  readonly random: Random;
  readonly meter: RouteMeter;
  /** Whether there is no room for one more, whatever it asks for. */
  readonly full: () => boolean;
}

/** Runs before the body is read. Operators are let in: they come to help. */
export function entrance({ service, endpoint, random, meter, full }: OverloadOptions) {
  if (endpoint.spec.access === "operator") return {};
  const admission = service.admissions[endpoint.method === "GET" ? "reads" : "writes"];
  return {
    onRequest(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
      if (admission.admits() && !full()) {
        next();
        return;
      }
      const problem = overloaded(random);
      meter.begin(reply);
      reply.server.meter.problem(problem.code);
      send(reply, refusal(problem, request.id).reply);
    },
  };
}
