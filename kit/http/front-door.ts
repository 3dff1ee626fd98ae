import type { IncomingMessage, ServerResponse } from "node:http";
import { kitProblems } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { RunningService } from "../service/index.ts";
import { noMetrics, type Metrics } from "../telemetry/index.ts";
import { doorMeter, metricsPage } from "./http-metrics.ts";
import { gate, type Gate } from "./gate.ts";
import { overloaded } from "./overload.ts";
import { refusal } from "./reply.ts";
import { RouteTable } from "./route-table.ts";
import { json, pages } from "./pages.ts";

/** A service as the front door sees it, in this process or in another. */
export interface Served {
  readonly service: Pick<RunningService, "name" | "endpoints" | "events" | "problems" | "unready">;
  routing(request: IncomingMessage, response: ServerResponse): void;
}

export interface FrontDoorOptions {
  readonly services: readonly Served[];
  /** 0 takes a free one. */
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  readonly runtime: Runtime;
  /** Counted here, and shown at `/metrics`. @default nowhere */
  readonly metrics?: Metrics;
}

/** One address for all services: requests are handed on to the service's own server; in one process, without a socket in between. */
export async function frontDoor(options: FrontDoorOptions): Promise<Gate> {
  const { services, port, host = "127.0.0.1", runtime, metrics = noMetrics } = options;
  const meter = doorMeter(metrics, runtime);
  const table = new RouteTable<{ readonly server: Served; readonly forOperators: boolean }>();
  for (const server of services)
    for (const endpoint of server.service.endpoints)
      table.add(endpoint, { server, forOperators: endpoint.spec.access === "operator" });
  const own = ownPages(services, metrics);
  const refuse = (response: ServerResponse, error: unknown) => {
    const { reply, problem } = refusal(error, runtime.ids.uuidv7());
    meter.refused(problem);
    write(response, reply);
  };
  const handle = async (request: IncomingMessage, response: ServerResponse, full: boolean): Promise<void> => {
    const url = request.url ?? "/";
    const found = table.find(request.method ?? "GET", url);
    if ("target" in found) {
      const { server, forOperators } = found.target;
      if (full && !forOperators) refuse(response, overloaded(runtime.random));
      else server.routing(request, response);
      return;
    }
    const page = request.method === "GET" || request.method === "HEAD" ? own.get(url.split("?")[0] ?? "") : undefined;
    if (page !== undefined) {
      const reply = await page();
      meter.page(reply.status);
      write(response, reply);
      return;
    }
    const { allowed } = found;
    const problem =
      allowed.length === 0
        ? kitProblems.notFound({})
        : kitProblems.methodNotAllowed({}, { headers: { allow: allowed.join(", ") } });
    refuse(response, problem);
  };
  return gate({
    port,
    host,
    runtime,
    meter,
    handle(request, response, full) {
      handle(request, response, full).catch((error: unknown) => refuse(response, error));
    },
  });
}

function write(response: ServerResponse, { status, body, headers }: StoredReply): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(body);
}

function ownPages(servers: readonly Served[], metrics: Metrics): ReadonlyMap<string, () => Promise<StoredReply>> {
  const services = servers.map(({ service }) => service);
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
  return new Map([
    ["/", () => Promise.resolve(docs())],
    ["/docs", () => Promise.resolve(docs())],
    ["/openapi.json", () => Promise.resolve(openapi())],
    ["/health", health],
    ["/health/ready", health],
    ["/metrics", () => metricsPage(metrics)],
    ["/health/live", () => Promise.resolve(json(200, { status: "live" }))],
  ]);
}
