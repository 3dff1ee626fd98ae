import { frontDoor } from "../http/index.ts";
import { configTable, endInTurn, endTogether, systemRuntime } from "../runtime/index.ts";
import { notEnded } from "../telemetry/index.ts";
import { startProcesses } from "./processes.ts";
import { addressesOf, chosen, type Chosen, type Platform, type PlatformOptions } from "./settings.ts";
import { refuseTakenPorts } from "./taken-ports.ts";
import { startWorker } from "./worker.ts";

/** Starts the named systems and services, or all: in this process, or each in one of its own. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  return startChosen(options, chosen(options));
}

export async function startChosen(options: PlatformOptions, choice: Chosen): Promise<Platform> {
  if (choice.own.showConfig) process.stdout.write(`${configTable(choice.config)}\n`);
  await refuseTakenPorts(choice, systemRuntime().timers);
  return choice.own.processes ? startProcesses(options, choice) : oneProcess(options, choice);
}

async function oneProcess({ systems, env, callLimits }: PlatformOptions, choice: Chosen): Promise<Platform> {
  const { own, ports } = choice;
  const worker = await startWorker({ chosen: choice, systems, env, callLimits });
  const { servers, runtime, log, metrics, keys, verify } = worker;
  try {
    const { host, port, trustProxy, allowsHost } = own;
    const operatorsOnly = own.openPages ? undefined : verify;
    const door = await frontDoor({
      services: servers,
      port,
      host,
      runtime,
      log,
      metrics,
      trustProxy,
      allowsHost,
      operatorsOnly,
    });
    return {
      url: door.url,
      addresses: addressesOf(ports, (name) => servers.find(({ service }) => service.name === name)?.url),
      keys,
      stop: (ms) =>
        endInTurn([
          () => endTogether([door.close(ms), ...servers.map((server) => server.close(ms))]),
          () => worker.stop(ms),
        ]),
    };
  } catch (error) {
    await worker.stop(0).catch(notEnded(worker.log));
    throw error;
  }
}
