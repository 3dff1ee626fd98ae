import type { Broker } from "../messaging/index.ts";
import { endInTurn, endTogether, type Runtime } from "../runtime/index.ts";
import {
  refuseFaults,
  startService,
  startupFaults,
  type Environment,
  type RunningService,
  type Service,
} from "../service/index.ts";
import { Client, type CallLimits, type ClientOptions } from "../calls/index.ts";
import { notEnded, type Logger, type Metrics, type Tracing } from "../telemetry/index.ts";

export interface SystemOptions {
  readonly runtime: Runtime;
  readonly log: Logger;
  /** @default nothing is counted */
  readonly metrics?: Metrics | undefined;
  readonly broker: Broker;
  /** The folder in which the process keeps its files. */
  readonly data: string;
  /** Where tables are: `sqlite:<folder>` or `postgres://…`. */
  readonly storeUrl: string;
  /** Where documents are: `sqlite:<folder>` or `mongodb://…`. */
  readonly documentsUrl: string;
  readonly durability: Environment["durability"];
  /** Validated settings by service. */
  readonly config: (service: Service) => unknown;
  readonly onFatal: Environment["onFatal"];
  readonly onBug?: Environment["onBug"];
  /** Events that services in other processes publish. */
  readonly foreignEvents?: readonly string[];
  /** Where services of other processes are. */
  readonly elsewhere?: ClientOptions["elsewhere"];
  /** Of calls between services. @default `callLimits` */
  readonly callLimits?: Partial<CallLimits> | undefined;
  /** Closed by whoever made it. @default none */
  readonly tracing?: Tracing | undefined;
}

export interface RunningSystem {
  readonly services: readonly RunningService[];
  readonly calls: Client;
  /**
   * Drains all services side by side, then closes the broker. Rejects with the first failure, when all has been tried. A second stop is the first.
   */
  stop(ms: number): Promise<void>;
}

/**
 * Several services in this process, on one broker; calls between them skip the socket. Throws one error that lists every start-up fault; a system that does
 * not start closes the broker, too.
 */
export async function startSystem(services: readonly Service[], options: SystemOptions): Promise<RunningSystem> {
  const { runtime, log, broker, metrics, foreignEvents, elsewhere, tracing, callLimits: limits } = options;
  const calls = new Client({
    runtime,
    log,
    metrics,
    tracing,
    limits,
    ...(elsewhere === undefined ? {} : { elsewhere }),
  });
  const running: RunningService[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (ms: number) =>
    (stopped ??= endInTurn([
      () => endTogether(running.map((service) => service.stop(ms))),
      () => calls.close(),
      () => broker.close(),
    ]));
  try {
    refuseFaults(startupFaults(services, foreignEvents === undefined ? {} : { events: foreignEvents }));
    const topics = services.flatMap(({ contracts }) =>
      contracts.flatMap((contract) => (contract.kind === "event" ? [contract.name] : [])),
    );
    await broker.ensure({ topics, groups: [] });
    for (const service of services) {
      const started = await startService(service, { ...options, calls, config: options.config(service) });
      running.push(started);
      calls.add(started);
    }
  } catch (error) {
    await stop(0).catch(notEnded(log));
    throw error;
  }
  return { services: running, calls, stop };
}
