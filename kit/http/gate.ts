import type { Runtime } from "../runtime/index.ts";
import { noMetrics, type Logger } from "../telemetry/index.ts";
import { httpApp, type Listening } from "./app.ts";
import { handOver, type Routing } from "./hand-over.ts";
import { doorMeter } from "./http-metrics.ts";
import { httpLimits } from "./limits.ts";
import { overloaded } from "./overload.ts";

export interface GateOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Addresses of proxies whose `X-Forwarded-*` is believed. @default none */
  readonly trustProxy?: string | undefined;
  /** Name of the service that answers, for the log. */
  readonly service: string;
  readonly routing: Routing;
}

/** A port that hands over every request, whatever its method and address. */
export function gate({ port, host, runtime, log, trustProxy, service, routing }: GateOptions): Promise<Listening> {
  const limits = httpLimits;
  const { app, sockets, listen } = httpApp({ runtime, log, meter: doorMeter(noMetrics, runtime), limits, trustProxy });
  const handle = handOver(routing, { limits, service, log });
  // There are no routes: Fastify calls this for every request.
  app.setNotFoundHandler((request, reply) => {
    if (sockets.inHand() > limits.inHand) throw overloaded(runtime.random);
    handle(request, reply);
  });
  return listen(host, port);
}
