import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { mayCall, type Verify } from "../access/index.ts";
import { docsPage, kitProblems, openapi, type Documented } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { FailingCheck } from "../service/index.ts";
import type { Logger, Metrics } from "../telemetry/index.ts";
import { metricsPage } from "./http-metrics.ts";
import { callerOf } from "./request.ts";
import { send } from "./send.ts";

export interface PagesOptions {
  readonly described: Documented;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What fails now, by the service that it fails in. */
  readonly failing: () => Promise<readonly Failing[]>;
  /** The page of `/health`. */
  readonly health: (failing: readonly Failing[]) => object;
  /** Whether `/` shows the documents, too. */
  readonly home?: boolean;
  /**
   * Verifies tokens of operators: then pages other than `/health` are shown to them alone, and `/health` names failing checks without their reasons.
   * @default all is shown to anyone
   */
  readonly operatorsOnly?: Verify | undefined;
}

export interface Failing {
  readonly service: string;
  readonly failing: readonly FailingCheck[];
}

/** What a port tells of itself: `/health`, `/docs`, `/openapi.json` and `/metrics`. */
export function addPages(app: FastifyInstance, options: PagesOptions): void {
  const { described, metrics, log, health, home = false, operatorsOnly } = options;
  const docs = once((): StoredReply => ({
    status: 200,
    body: docsPage(described),
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    },
  }));
  const { title, endpoints } = described;
  const api = once(() => json(200, openapi(endpoints, { title, version: "0.1.0" })));
  const guard = operatorsOnly === undefined ? {} : { preHandler: forOperators(operatorsOnly, log) };
  for (const path of home ? ["/", "/docs"] : ["/docs"]) app.get(path, guard, (_request, reply) => send(reply, docs()));
  app.get("/openapi.json", guard, (_request, reply) => send(reply, api()));
  app.get("/metrics", guard, async (_request, reply) => send(reply, await metricsPage(metrics)));

  const logged = new Map<string, string>();
  // Whoever asks while the checks run gets their result.
  let checking: ReturnType<typeof options.failing> | undefined;
  const failingNow = () =>
    (checking ??= options.failing().finally(() => {
      checking = undefined;
    }));
  const ready = async (_request: FastifyRequest, reply: FastifyReply) => {
    const all = await failingNow();
    const isReady = all.every(({ failing }) => failing.length === 0);
    if (operatorsOnly !== undefined) logChanges(all, logged, log);
    const shown = operatorsOnly === undefined ? all : all.map(withoutReasons);
    send(reply, json(isReady ? 200 : 503, { status: isReady ? "ready" : "unready", ...health(shown) }));
  };
  app.get("/health", ready);
  app.get("/health/ready", ready);
  app.get("/health/live", (_request, reply) => send(reply, json(200, { status: "live" })));
}

function forOperators(verify: Verify, log: Logger) {
  return async ({ headers, id: requestId }: FastifyRequest): Promise<void> => {
    const caller = await callerOf(headers, verify, (error) => log.debug("a token was refused", { requestId, error }));
    const access = mayCall("operator", caller);
    if (access === "unauthenticated") throw kitProblems.unauthenticated({});
    if (access === "forbidden") throw kitProblems.forbidden({});
  };
}

/** A reason may name hosts and files of the installation. */
const withoutReasons = ({ service, failing }: Failing): Failing => ({
  service,
  failing: failing.map(({ check }) => ({ check, reason: "see the log" })),
});

/** Logs what fails when that changes, as whoever asks is not told the reasons. */
function logChanges(all: readonly Failing[], logged: Map<string, string>, log: Logger): void {
  for (const { service, failing } of all) {
    const text = JSON.stringify(failing);
    if (failing.length > 0 && logged.get(service) !== text) log.warn("a service is not ready", { service, failing });
    logged.set(service, text);
  }
}

const json = (status: number, value: unknown): StoredReply => ({ status, body: JSON.stringify(value), headers: {} });

/** Made when it is first asked for, and kept. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
