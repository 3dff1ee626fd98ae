import type { FastifyInstance } from "fastify";
import type { Runtime } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import { noMetrics, silentLogger, type Logger, type Metrics } from "../telemetry/index.ts";
import { httpApp, type Listening } from "./app.ts";
import { handOver, type Routing } from "./hand-over.ts";
import { doorMeter, metricsPage } from "./http-metrics.ts";
import { forwardLimits, httpLimits } from "./limits.ts";
import type { AllowsHost } from "./hosts.ts";
import { overloaded } from "./overload.ts";
import { json, pages } from "./pages.ts";
import { send } from "./send.ts";
import { routerPath } from "./spans.ts";

/** A service as the front door sees it, in this process or in another. */
export interface Served {
  readonly service: Pick<RunningService, "name" | "endpoints" | "events" | "problems" | "unready">;
  readonly routing: Routing;
}

export interface FrontDoorOptions {
  readonly services: readonly Served[];
  /** 0 takes a free one. */
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  readonly runtime: Runtime;
  /** @default silent */
  readonly log?: Logger;
  /** Counted here, and shown at `/metrics`. @default nowhere */
  readonly metrics?: Metrics;
  /** Addresses of proxies whose `X-Forwarded-*` is believed, such as "loopback" or "10.0.0.0/8, ::1". @default none */
  readonly trustProxy?: string | undefined;
  /** Whether a Host header is answered. @default all are */
  readonly allowsHost?: AllowsHost | undefined;
}

/** One address for all services. Each request is handed over to the service that its contract belongs to; in one process, without a socket in between. */
export async function frontDoor(options: FrontDoorOptions): Promise<Listening> {
  const { services, port, host = "127.0.0.1", runtime, log = silentLogger, metrics = noMetrics } = options;
  const { trustProxy, allowsHost } = options;
  const limits = httpLimits;
  const meter = doorMeter(metrics, runtime);
  const { app, sockets, refuseUnknown, listen } = httpApp({ runtime, log, meter, limits, trustProxy, allowsHost });
  for (const served of services)
    for (const endpoint of served.service.endpoints) {
      const { method, path, spec } = endpoint;
      const forOperators = spec.access === "operator";
      const handle = handOver(served.routing, { limits: forwardLimits(endpoint), service: served.service.name, log });
      app.route({
        method,
        url: routerPath(path),
        handler(request, reply) {
          if (sockets.inHand() > limits.inHand && !forOperators) throw overloaded(runtime.random);
          handle(request, reply);
        },
      });
    }
  refuseUnknown(services.flatMap(({ service }) => service.endpoints));
  addPages(app, services, metrics);
  return listen(host, port);
}

function addPages(app: FastifyInstance, served: readonly Served[], metrics: Metrics): void {
  const services = served.map(({ service }) => service);
  const { docs, openapi } = pages({
    title: "Holdfast",
    endpoints: services.flatMap((service) => service.endpoints),
    events: services.flatMap(({ events }) => events),
    problems: services.flatMap(({ problems }) => problems),
  });
  const health = async () => {
    const states = await Promise.all(
      services.map(async (service) => ({ service: service.name, failing: await service.unready() })),
    );
    const ready = states.every(({ failing }) => failing.length === 0);
    return json(ready ? 200 : 503, { status: ready ? "ready" : "unready", services: states });
  };
  app.get("/", (_request, reply) => send(reply, docs()));
  app.get("/docs", (_request, reply) => send(reply, docs()));
  app.get("/openapi.json", (_request, reply) => send(reply, openapi()));
  app.get("/health", async (_request, reply) => send(reply, await health()));
  app.get("/health/ready", async (_request, reply) => send(reply, await health()));
  app.get("/health/live", (_request, reply) => send(reply, json(200, { status: "live" })));
  app.get("/metrics", async (_request, reply) => send(reply, await metricsPage(metrics)));
}
