import { fork, type ChildProcess } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { developmentKeys, serviceKeys } from "../access/index.ts";
import { doorMeter, frontDoor, proxyTo, type Served } from "../http/index.ts";
import { backoffMs } from "../messaging/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { describe, refuseFaults, startupFaults, type Service } from "../service/index.ts";
import { metricsRegistry, processMetrics } from "../telemetry/index.ts";
import { processLog } from "./process-log.ts";
import { end } from "./ending.ts";
import { childMark, type Addresses, type Ready } from "./child.ts";
import { addressesOf, type Chosen, type Platform, type PlatformOptions } from "./settings.ts";

const restart = { baseMs: 100, capMs: 5_000 };
/** A child that has run this long has not failed at its start. */
const settledMs = 10_000;
const startMs = 30_000;

/** A process for each service, restarted when it ends, behind one front door. The children's ids stand in `processes.json` of the data folder. */
export async function startProcesses(options: PlatformOptions, chosen: Chosen): Promise<Platform> {
  const { services, own, ports } = chosen;
  refuseFaults(startupFaults(services, { events: eventsOf(options) }));
  const runtime = systemRuntime();
  const metrics = metricsRegistry(runtime);
  // The services write files of their own.
  const { log, close: closeLog } = processLog({ services: [], own }, runtime);
  const data = path.resolve(own.data);
  // Made before the children look for it.
  const keys = own.jwks === undefined ? await developmentKeys(data) : undefined;
  if (keys === undefined) await serviceKeys(data);
  const children = services.map((service, at) => new Child(service, ports[at]?.port ?? 0));
  let stopping = false;

  const publish = () => {
    const addresses = Object.fromEntries(children.flatMap(({ name, url }) => (url === undefined ? [] : [[name, url]])));
    for (const { process: running } of children)
      if (running?.connected === true) running.send({ addresses } satisfies Addresses, ignored);
    const table = children.map(({ name, url, process: running }) => ({ service: name, pid: running?.pid, url }));
    // Whoever reads it meanwhile reads one that is whole.
    const file = path.join(data, "processes.json");
    writeFileSync(`${file}.new`, `${JSON.stringify(table, undefined, 2)}\n`);
    renameSync(`${file}.new`, file);
  };

  const run = (one: Child): void => {
    const flags = flagsFor(one.name, options.args);
    const port = one.url === undefined ? one.port : Number(new URL(one.url).port);
    const entry = process.argv[1] ?? "";
    const running = fork(entry, [one.name, ...flags, `--service-port=${String(port)}`], {
      env: environmentOf(options.env, one.name),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const began = runtime.clock.monotonic();
    one.process = running;
    running.on("message", ({ ready }: Ready) => {
      one.url = ready.url;
      one.ready.resolve();
      publish();
    });
    running.once("exit", (code, signal) => {
      one.process = undefined;
      if (stopping) return;
      one.failures = runtime.clock.monotonic() - began > settledMs ? 1 : one.failures + 1;
      const service = one.name;
      log.warn("a service's process ended; it is started again", { service, code, signal, failures: one.failures });
      one.restart = runtime.timers.after(backoffMs(runtime.random, one.failures, restart), () => run(one));
    });
  };
  for (const one of children) run(one);
  const late = new AbortController();
  try {
    await Promise.race([
      Promise.all(children.map(({ ready }) => ready.promise)),
      runtime.timers.sleep(startMs, late.signal).then(() => {
        if (!late.signal.aborted) throw new Error("The services did not start in half a minute; their logs say why.");
      }),
    ]);
  } catch (error) {
    stopping = true;
    for (const one of children) one.process?.kill("SIGKILL");
    closeLog();
    throw error;
  } finally {
    late.abort();
  }

  const meter = doorMeter(metrics, runtime);
  const proxies = children.map((one) => ({ one, proxy: proxyTo(() => one.url, runtime, meter) }));
  const served = proxies.map(({ one, proxy }): Served => ({
    service: { ...describe(one.service), unready: () => unready(one) },
    routing: (request, response) => proxy.routing(request, response),
  }));
  const door = await frontDoor({ services: served, port: own.port, host: own.host, runtime, metrics });
  const observed = processMetrics(metrics);
  return {
    url: door.url,
    addresses: addressesOf(ports, (name) => children.find((one) => one.name === name)?.url),
    keys,
    async stop(ms) {
      stopping = true;
      for (const one of children) one.restart?.cancel();
      observed.stop();
      await door.close(ms);
      await Promise.all(children.map((one) => end(one.process, ms)));
      for (const { proxy } of proxies) proxy.close();
      closeLog();
    },
  };
}

class Child {
  readonly service: Service;
  readonly name: string;
  readonly port: number;
  readonly ready = Promise.withResolvers<void>();
  url: string | undefined;
  process: ChildProcess | undefined;
  restart: { cancel(): void } | undefined;
  failures = 0;

  constructor(service: Service, port: number) {
    this.service = service;
    this.name = service.name;
    this.port = port;
  }
}

/** A child that has just ended hears of it when it is started again. */
const ignored = (): void => {};

const eventsOf = ({ systems }: PlatformOptions): readonly string[] =>
  Object.values(systems)
    .flat()
    .flatMap(({ contracts }) => contracts.flatMap((contract) => (contract.kind === "event" ? [contract.name] : [])));

/** Faults of a crash rig are planted in one service, and each reports to a file of its own. */
function environmentOf(env: PlatformOptions["env"], service: string): NodeJS.ProcessEnv {
  const { HOLDFAST_FAULT: fault, HOLDFAST_FAULT_REPORT: report, HOLDFAST_FAULT_SERVICE: only, ...rest } = env;
  return {
    ...rest,
    [childMark]: "1",
    ...(report === undefined ? {} : { HOLDFAST_FAULT_REPORT: `${report}.${service}` }),
    ...(fault === undefined || (only !== undefined && only !== service) ? {} : { HOLDFAST_FAULT: fault }),
  };
}

/** Those of the whole process and those of the service itself. */
const flagsFor = (service: string, args: readonly string[]): readonly string[] =>
  args.filter((arg) => {
    if (!arg.startsWith("--") || /^--(processes|port|service-port)(=|$)/.test(arg)) return false;
    const [name = ""] = arg.slice(2).split("=");
    return !name.includes(".") || name.startsWith(`${service}.`);
  });

async function unready({ url }: Child): ReturnType<Served["service"]["unready"]> {
  const down = [{ check: "process", reason: "the service's process does not answer" }];
  if (url === undefined) return down;
  try {
    const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
    const health: unknown = await reply.json();
    const failing: unknown = typeof health === "object" && health !== null ? Reflect.get(health, "failing") : undefined;
    return reply.ok ? [] : Array.isArray(failing) ? (failing as typeof down) : down; // Proof: written by the server of the same kit.
  } catch {
    return down;
  }
}
