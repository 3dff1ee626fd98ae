import type { Verify } from "../access/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import { noMetrics, silentLogger, type Logger, type Metrics } from "../telemetry/index.ts";
import { httpApp, type Listening } from "./app.ts";
import { handOver, type Routing } from "./hand-over.ts";
import { doorMeter } from "./http-metrics.ts";
import { forwardLimits, httpLimits } from "./limits.ts";
import type { AllowsHost } from "./hosts.ts";
import { overloaded } from "./overload.ts";
import { addPages } from "./pages.ts";
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
  /** Verifies the tokens of operators, where they alone may read the pages that describe the platform. @default anyone may */
  readonly operatorsOnly?: Verify | undefined;
}

/** One address for all services. Each request is handed over to the service that its contract belongs to; in one process, without a socket in between. */
export async function frontDoor(options: FrontDoorOptions): Promise<Listening> {
  const { services, port, host = "127.0.0.1", runtime, log = silentLogger, metrics = noMetrics } = options;
  const { trustProxy, allowsHost, operatorsOnly } = options;
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
  const all = services.map(({ service }) => service);
  addPages(app, {
    described: {
      title: "Holdfast",
      endpoints: all.flatMap(({ endpoints }) => endpoints),
      events: all.flatMap(({ events }) => events),
      problems: all.flatMap(({ problems }) => problems),
    },
    metrics,
    log,
    failing: () => Promise.all(all.map(async ({ name, unready }) => ({ service: name, failing: await unready() }))),
    health: (failing) => ({ services: failing }),
    home: true,
    operatorsOnly,
  });
  return listen(host, port);
}
