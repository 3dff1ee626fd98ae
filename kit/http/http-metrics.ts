import type { IncomingMessage, Server } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Endpoint, ProblemError } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { Clock } from "../runtime/index.ts";
import {
  kitMetrics,
  type Collector,
  type Counter,
  type Gauge,
  type Histogram,
  type Metrics,
} from "../telemetry/index.ts";

declare module "fastify" {
  interface FastifyInstance {
    meter: HttpMeter;
    /** Told of each reply where requests are shown as spans. */
    traced?: (request: IncomingMessage, stored: StoredReply) => void;
  }
  interface FastifyReply {
    /** Set when the request has reached the handler of its route. */
    routeMeter: RouteMeter | undefined;
    /** On the monotonic clock. */
    begunAt: number;
  }
}

/** What is counted of one port. */
export class HttpMeter {
  readonly #metrics: Metrics;
  readonly #service: string;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #inFlight: Gauge;
  readonly #problems = new Map<string, Counter>();
  readonly #none: RouteMeter;
  readonly #pages: RouteMeter;

  constructor(metrics: Metrics, service: string, clock: Pick<Clock, "monotonic">) {
    this.#metrics = metrics;
    this.#service = service;
    this.#clock = clock;
    this.#inFlight = metrics.gauge(kitMetrics.httpInFlight, { service });
    this.#none = this.#meter("(none)", "(none)");
    this.#pages = this.#meter("GET", "(pages)");
  }

  route = ({ method, path }: Pick<Endpoint, "method" | "path">): RouteMeter => this.#meter(method, path);

  /** Every request that is answered: at once where no handler was reached. */
  answered(reply: Pick<FastifyReply, "routeMeter" | "begunAt">, { status, headers }: StoredReply): void {
    const { routeMeter } = reply;
    if (routeMeter === undefined) {
      const refused = headers["content-type"] === "application/problem+json";
      (refused ? this.#none : this.#pages).observe(0, status);
    } else {
      // A reply that cannot be sent is followed by another one.
      reply.routeMeter = undefined;
      routeMeter.end(reply.begunAt, status);
    }
  }

  /** Refused by the port itself; undefined where nobody was there to be told. */
  refused(problem: ProblemError | undefined): void {
    if (problem === undefined) return;
    this.#none.observe(0, problem.status);
    this.problem(problem.code);
  }

  problem(code: string): void {
    let counter = this.#problems.get(code);
    if (counter === undefined) {
      counter = this.#metrics.counter(kitMetrics.httpProblems, { service: this.#service, code });
      this.#problems.set(code, counter);
    }
    counter.add();
  }

  /** Asks at a scrape how many connections are open. */
  watch(server: Server): Collector {
    const service = this.#service;
    return this.#metrics.onScrape(`${service} connections`, async (show) => {
      const open = await new Promise<number>((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      });
      show(kitMetrics.httpConnections, { service }, open);
    });
  }

  #meter(method: string, route: string): RouteMeter {
    const bind = (status: string) =>
      this.#metrics.histogram(kitMetrics.httpRequests, { service: this.#service, method, route, status });
    return new RouteMeter(this.#clock, this.#inFlight, bind);
  }
}

/** That of the front door, under a name among those of the services; all of one registry count together. */
export const doorMeter = (metrics: Metrics, { clock }: { readonly clock: Pick<Clock, "monotonic"> }): HttpMeter =>
  new HttpMeter(metrics, "front-door", clock);

/** One route: a series for each class of status, made when it first comes. */
export class RouteMeter {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #inFlight: Gauge;
  readonly #bind: (status: string) => Histogram;
  readonly #byClass: (Histogram | undefined)[] = [undefined, undefined, undefined, undefined, undefined, undefined];

  constructor(clock: Pick<Clock, "monotonic">, inFlight: Gauge, bind: (status: string) => Histogram) {
    this.#clock = clock;
    this.#inFlight = inFlight;
    this.#bind = bind;
  }

  /** Gives the time, on the monotonic clock. */
  begin(reply: Pick<FastifyReply, "routeMeter" | "begunAt">): number {
    this.#inFlight.value += 1;
    reply.routeMeter = this;
    return (reply.begunAt = this.#clock.monotonic());
  }

  end(begunAt: number, status: number): void {
    this.#inFlight.value -= 1;
    this.observe((this.#clock.monotonic() - begunAt) / 1_000, status);
  }

  observe(seconds: number, status: number): void {
    const at = Math.floor(status / 100);
    (this.#byClass[at] ??= this.#bind(`${String(at)}xx`)).observe(seconds);
  }
}

/** The meter of a server's port; `meter.answered` is told of each reply. */
export function meterHttp(app: FastifyInstance, meter: HttpMeter): HttpMeter {
  app.decorateReply("routeMeter", undefined);
  app.decorateReply("begunAt", 0);
  app.decorate("meter", meter);
  return meter;
}

/** `GET /metrics`: what the process counts. */
export const metricsPage = async (metrics: Metrics): Promise<StoredReply> => ({
  status: 200,
  body: await metrics.text(),
  headers: { "content-type": metrics.contentType },
});
