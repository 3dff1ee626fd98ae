import { frontDoor } from "../http/index.ts";
import { configTable } from "../runtime/index.ts";
import { startProcesses } from "./processes.ts";
import { chosen, type Chosen, type Platform, type PlatformOptions } from "./settings.ts";
import { startWorker } from "./worker.ts";

/** Starts the named systems and services, or all: in this process, or each in one of its own. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const choice = chosen(options);
  if (choice.own.showConfig) process.stdout.write(`${configTable(choice.config)}\n`);
  return choice.own.processes ? startProcesses(options, choice) : oneProcess(options, choice);
}

async function oneProcess({ systems, env, ports = {} }: PlatformOptions, choice: Chosen): Promise<Platform> {
  const { own, services } = choice;
  const worker = await startWorker({
    chosen: choice,
    systems,
    env,
    portOf: (service, at) =>
      portOf(
        ports,
        services.map(({ name }) => name),
        { service, at, first: own.servicePort },
      ),
  });
  const { servers, runtime, keys } = worker;
  try {
    const door = await frontDoor({ services: servers, port: own.port, host: own.host, runtime });
    return {
      url: door.url,
      addresses: servers.map(({ service, url }) => ({ name: service.name, url })),
      keys,
      async stop(ms) {
        await Promise.all([door.close(ms), ...servers.map((server) => server.close(ms))]);
        await worker.system.stop(ms);
      },
    };
  } catch (error) {
    await worker.stop(0);
    throw error;
  }
}

/** The port that a service is known by, where all that were started have one and no two share it; else the next one in the row. */
function portOf(
  ports: Readonly<Record<string, number>>,
  names: readonly string[],
  { service, at, first }: { readonly service: string; readonly at: number; readonly first: number },
): number {
  if (first === 0) return 0;
  const known = names.flatMap((name) => ports[name] ?? []);
  const own = ports[service];
  const distinct = new Set(known).size === known.length;
  return own !== undefined && distinct && known.length === names.length ? own : first + at;
}
