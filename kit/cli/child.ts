import { endWhenTold } from "./ending.ts";
import { startWorker } from "./worker.ts";
import { chosen, type PlatformOptions } from "./settings.ts";

/** Marks a process that `startProcesses` has forked. */
export const childMark = "HOLDFAST_CHILD";

/** What a child tells: that its service is ready, or, to each ping, that it is at work. */
export interface FromChild {
  readonly ready?: { readonly url: string; readonly port: number };
  readonly pong?: number;
}
/** What it is told: where the services of the other processes are; and it is asked whether it is at work. */
export interface ToChild {
  readonly addresses?: Readonly<Record<string, string>>;
  readonly ping?: number;
}

const drainMs = 4_000;

/** The process of one service; ends when whoever forked it has gone. */
export async function child(options: PlatformOptions): Promise<void> {
  let addresses: Readonly<Record<string, string>> = {};
  process.on("message", (message: ToChild) => {
    if (message.addresses !== undefined) addresses = message.addresses;
    if (message.ping !== undefined) tell({ pong: message.ping });
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
  for (const { url, port: own } of worker.servers) tell({ ready: { url, port: own } });
}

/** A message that cannot be sent has nobody to read it: "disconnect" follows. */
function tell(message: FromChild): void {
  if (process.connected === true) process.send?.(message, () => {});
}
