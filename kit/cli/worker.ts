import path from "node:path";
import {
  developmentKeys,
  serviceKeys,
  serviceTokens,
  verifier,
  type SigningKeys,
  type Verify,
} from "../access/index.ts";
import { embeddedBroker } from "../brokers/index.ts";
import type { ClientOptions } from "../calls/index.ts";
import { serveHttp, type HttpServer } from "../http/index.ts";
import { knownStore } from "../messaging/index.ts";
import { endInTurn, endTogether, plantedFaults, systemRuntime, type Runtime } from "../runtime/index.ts";
import {
  metricsRegistry,
  notEnded,
  otlpTracing,
  processMetrics,
  type Logger,
  type Metrics,
} from "../telemetry/index.ts";
import { startSystem, type RunningSystem } from "../topology/index.ts";
import { openDataFolder } from "./data-folder.ts";
import { processLog, type ProcessLog } from "./process-log.ts";
import type { Chosen, PlatformOptions } from "./settings.ts";

/** Services of this process, each on a port of its own. */
export interface Worker {
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly keys: SigningKeys | undefined;
  readonly verify: Verify;
  readonly servers: readonly HttpServer[];
  readonly system: RunningSystem;
  stop(ms: number): Promise<void>;
}

export interface WorkerOptions {
  readonly chosen: Chosen;
  readonly systems: PlatformOptions["systems"];
  readonly env: PlatformOptions["env"];
  readonly callLimits?: PlatformOptions["callLimits"] | undefined;
  /** Where services of other processes are. @default nowhere */
  readonly addressesOf?: (service: string) => readonly string[];
}

const leastFlushMs = 250;

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const faults = plantedFaults(options.env, () => Math.random());
  const runtime = systemRuntime(faults === undefined ? {} : { faults });
  const logging = processLog(options.chosen, runtime);
  try {
    return await startOn(options, runtime, logging);
  } catch (error) {
    logging.close();
    throw error;
  }
}

async function startOn(
  { chosen, systems, callLimits, addressesOf }: WorkerOptions,
  runtime: Runtime,
  { log, close: closeLog }: ProcessLog,
): Promise<Worker> {
  const { services, config, own, ports } = chosen;
  const data = path.resolve(own.data);
  openDataFolder(data).report(log);
  const metrics = metricsRegistry(runtime);
  const onFatal = (error: unknown) => die(log, error);
  const keys = own.jwks === undefined ? await developmentKeys(data) : undefined;
  const everyService = new Set(Object.values(systems).flatMap((each) => each.map(({ name }) => name)));
  const signing = addressesOf === undefined ? undefined : (keys ?? (await serviceKeys(data)));
  const verify = verifier({
    keys: keys?.jwks ?? new URL(own.jwks ?? ""),
    serviceKeys: keys === undefined ? signing?.jwks : undefined,
    clock: runtime.clock,
    services: everyService,
    unreachable: (error) => log.error("the key set of tokens cannot be fetched", { jwks: own.jwks, error }),
  });
  const elsewhere: ClientOptions["elsewhere"] =
    addressesOf === undefined || signing === undefined
      ? undefined
      : { addressesOf, token: serviceTokens(signing, runtime.clock) };
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    known: knownStore({ data, name: "broker", url: `sqlite:${data}` }),
    durability: "full",
    runtime,
    log,
    metrics,
    onFatal,
  });
  const { otlp: url, traceRatio: ratio } = own;
  const tracing = url === undefined ? undefined : await otlpTracing({ url, ratio, runtime, log });
  const system = await startSystem(services, {
    runtime,
    log,
    metrics,
    broker,
    data,
    storeUrl: own.store === "embedded" ? `sqlite:${data}` : own.store,
    documentsUrl: own.documents === "embedded" ? `sqlite:${data}` : own.documents,
    durability: "full",
    config: ({ name }) => config.section(name),
    callLimits,
    tracing,
    onFatal,
    foreignEvents: Object.values(systems)
      .flat()
      .flatMap(({ contracts }) => contracts.flatMap((contract) => (contract.kind === "event" ? [contract.name] : []))),
    ...(elsewhere === undefined ? {} : { elsewhere }),
  }).catch(async (error: unknown) => {
    await tracing?.close(leastFlushMs);
    throw error;
  });
  const observed = processMetrics(metrics);
  const servers: HttpServer[] = [];
  const drain = async (ms: number) => {
    const end = runtime.clock.monotonic() + ms;
    observed.stop();
    await endInTurn([
      () => system.stop(ms),
      // The last spans tell how it ended: there is always a moment for them.
      () => tracing?.close(Math.max(leastFlushMs, end - runtime.clock.monotonic())),
    ]);
  };
  const stop = (ms: number) =>
    endInTurn([() => endTogether(servers.map((server) => server.close(ms))), () => drain(ms), closeLog]);
  try {
    for (const service of system.services) {
      const { port = 0 } = ports.find(({ name }) => name === service.name) ?? {};
      servers.push(
        await serveHttp({
          service,
          port,
          host: own.host,
          allowsHost: own.allowsHost,
          openPages: own.openPages,
          verify,
          runtime,
          log,
          metrics,
          tracing,
        }),
      );
    }
  } catch (error) {
    await stop(0).catch(notEnded(log));
    throw error;
  }
  return { runtime, log, metrics, keys, verify, servers, system, stop };
}

/** After a failed sync nothing that this process believes of its store can be trusted: a restart reads what is really there. */
function die(log: Logger, error: unknown): void {
  log.critical("the store failed at a commit; the process ends", { error });
  process.exit(70);
}
