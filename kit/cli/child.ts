import { endWhenTold } from "./ending.ts";
import { startWorker } from "./worker.ts";
import { chosen, type PlatformOptions } from "./settings.ts";

/** Marks a process that `startProcesses` has forked. */
export const childMark = "HOLDFAST_CHILD";

/** What a child tells when its service is ready. */
export interface Ready {
  readonly ready: { readonly service: string; readonly url: string };
}
/** What it is told: where the services of the other processes are. */
export interface Addresses {
  readonly addresses: Readonly<Record<string, string>>;
}

const drainMs = 4_000;

/** The process of one service; ends when whoever forked it has gone. */
export async function child(options: PlatformOptions): Promise<void> {
  let addresses: Addresses["addresses"] = {};
  process.on("message", (message: Addresses) => {
    addresses = message.addresses;
  });
  const { [childMark]: _mark, ...env } = options.env;
  const choice = chosen({ ...options, env });
  const port = choice.own.servicePort ?? 0;
  const worker = await startWorker({
    chosen: { ...choice, ports: choice.ports.map(({ name }) => ({ name, port })) },
    systems: options.systems,
    env,
    callLimits: options.callLimits,
    addressesOf: (service) => {
      const address = addresses[service];
      return address === undefined ? [] : [address];
    },
  });
  endWhenTold(() => worker.stop(drainMs));
  for (const { service, url } of worker.servers) {
    const message: Ready = { ready: { service: service.name, url } };
    if (process.connected === true) process.send?.(message, ignored);
  }
}

/** A message that cannot be sent has nobody to read it: "disconnect" follows. */
const ignored = (): void => {};
