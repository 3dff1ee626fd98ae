import path from "node:path";
import { developmentKeys, serviceKeys, verifier } from "../access/index.ts";
import { frontDoor, httpProxy, type Served } from "../http/index.ts";
import { systemRuntime, within } from "../runtime/index.ts";
import { describe, refuseFaults, startupFaults } from "../service/index.ts";
import { metricsRegistry, processMetrics } from "../telemetry/index.ts";
import { childMark, type ToChild } from "./child.ts";
import { openDataFolder } from "./data-folder.ts";
import type { ForkOptions } from "./forked-process.ts";
import { processLog } from "./process-log.ts";
import { ProcessTable } from "./process-table.ts";
import { addressesOf, type Chosen, type Platform, type PlatformOptions } from "./settings.ts";
import { Supervised } from "./supervised.ts";

const startMs = 30_000;

/**
 * A process for each service, started again whenever it ends, behind one front door; `processes.json` of the data folder tells which is which. Rejects, and
 * leaves no process behind, when one refuses to start, when the services are not ready in half a minute, or when the front door's port cannot be had.
 */
export async function startProcesses(options: PlatformOptions, chosen: Chosen): Promise<Platform> {
  const { services, own, ports } = chosen;
  refuseFaults(startupFaults(services, { events: eventsOf(options) }));
  const runtime = systemRuntime();
  const metrics = metricsRegistry(runtime);
  await using begun = new AsyncDisposableStack();
  /** How long what runs may take to end. */
  let drainMs = 0;
  // The services write files of their own.
  const { log, close: closeLog } = processLog({ services: [], own }, runtime);
  begun.defer(closeLog);
  const data = openDataFolder(path.resolve(own.data));
  data.report(log);
  // Made before the children look for it.
  const keys = own.jwks === undefined ? await developmentKeys(data.folder) : undefined;
  if (keys === undefined) await serviceKeys(data.folder);
  const rows = () => children.map(({ name, pid, url }) => ({ service: name, pid, url }));
  const table = new ProcessTable(path.join(data.folder, "processes.json"), rows, { runtime, log });
  begun.defer(() => table.close());
  const onChange = () => {
    const addresses = Object.fromEntries(children.flatMap(({ name, url }) => (url === undefined ? [] : [[name, url]])));
    for (const one of children) one.send({ addresses } satisfies ToChild);
    table.write();
  };
  const children = services.map(
    ({ name }, at) =>
      new Supervised({
        name,
        port: ports[at]?.port ?? 0,
        fork: (port) => forkOf(name, port, options),
        runtime,
        log,
        onChange,
      }),
  );
  begun.defer(async () => {
    await Promise.all(children.map((one) => one.stop(drainMs)));
  });
  const late = () => new Error("The services did not start in half a minute; their logs say why.");
  const ready = Promise.all(children.map((one) => one.ready));
  await within(runtime, runtime.clock.monotonic() + startMs, ready, late);

  const proxy = httpProxy(runtime);
  begun.defer(() => proxy.close());
  const served = services.map((service, at): Served => {
    const one = children[at];
    return {
      service: { ...describe(service), unready: () => unready(service.name, one?.url) },
      routing: (request, response, limits) => proxy.forward({ origin: one?.url, request, response, limits }),
    };
  });
  const { host, port, trustProxy, allowsHost } = own;
  const operatorsOnly = own.openPages
    ? undefined
    : verifier({ keys: keys?.jwks ?? new URL(own.jwks ?? ""), clock: runtime.clock });
  const door = await frontDoor({
    services: served,
    port,
    host,
    runtime,
    log,
    metrics,
    trustProxy,
    allowsHost,
    operatorsOnly,
  });
  begun.defer(() => door.close(drainMs));
  const observed = processMetrics(metrics);
  begun.defer(() => observed.stop());
  const running = begun.move();
  return {
    url: door.url,
    addresses: addressesOf(ports, (_, at) => children[at]?.url),
    keys,
    stop(ms) {
      drainMs = ms;
      return running.disposeAsync();
    },
  };
}

const forkOf = (name: string, port: number, { args, env }: PlatformOptions): ForkOptions => ({
  entry: process.argv[1] ?? "",
  args: [name, ...flagsFor(name, args), `--service-port=${String(port)}`],
  env: environmentOf(env, name),
});

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

async function unready(name: string, url: string | undefined): ReturnType<Served["service"]["unready"]> {
  const down = [{ check: "process", reason: "the service's process does not answer" }];
  if (url === undefined) return down;
  try {
    const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
    const health: unknown = await reply.json();
    const { service, failing }: { service?: unknown; failing?: unknown } =
      typeof health === "object" && health !== null ? health : {};
    if (service !== name) return down;
    return reply.ok ? [] : Array.isArray(failing) ? (failing as typeof down) : down; // Proof: written by the server of the same kit.
  } catch {
    return down;
  }
}
