import { once } from "node:events";
import { createServer } from "node:net";
import { listenAddress } from "../http/index.ts";
import type { Timers } from "../runtime/index.ts";
import { Refusal } from "./refusal.ts";
import type { Chosen, ProcessSettings } from "./settings.ts";

export interface WantedPorts extends Pick<Chosen, "ports"> {
  readonly own: Pick<ProcessSettings, "host" | "port" | "processes">;
}

/** The processes of a platform that was killed are gone by then. */
const goneMs = 5_000;
const askMs = 200;

/** Throws a sentence where a port cannot be had; asked before anything starts. With `--processes` those of services are waited for. */
export async function refuseTakenPorts({ own, ports }: WantedPorts, timers: Pick<Timers, "sleep">): Promise<void> {
  await refuse(own, { port: own.port, flag: "--port" });
  for (const { name, port } of ports) {
    for (let waited = own.processes ? 0 : goneMs; ; waited += askMs) {
      try {
        await refuse(own, { port, name, flag: "--service-port" });
        break;
      } catch (error) {
        if (waited >= goneMs) throw error;
        await timers.sleep(askMs);
      }
    }
  }
}

interface Wanted {
  readonly port: number;
  /** Of the service. */
  readonly name?: string;
  /** Which sets it. */
  readonly flag: string;
}

async function refuse({ host }: { readonly host: string }, wanted: Wanted): Promise<void> {
  if (wanted.port === 0) return;
  const server = createServer();
  try {
    server.listen({ port: wanted.port, host: listenAddress(host) });
    await once(server, "listening");
  } catch (error) {
    throw listenFault(error, wanted) ?? error;
  }
  await once(server.close(), "close");
}

/** What is wrong with an address that cannot be listened on, as a sentence; undefined for every other error. */
export function listenFault(error: unknown, wanted?: Wanted): Refusal | undefined {
  if (!(error instanceof Error && "code" in error)) return undefined;
  const { code } = error;
  if (wanted === undefined && !("syscall" in error && error.syscall === "listen")) return undefined;
  const host = "address" in error ? error.address : "hostname" in error ? error.hostname : undefined;
  const number = String(wanted?.port ?? ("port" in error ? error.port : ""));
  const which = wanted?.name === undefined ? `Port ${number}` : `Port ${number} (${wanted.name})`;
  const free = wanted === undefined ? "another --port or --service-port" : `${wanted.flag}=0`;
  const fault = (text: string) => new Refusal(text, { cause: error });
  if (code === "EADDRINUSE") return fault(`${which} is in use. Stop the other process or pass ${free}.`);
  if (code === "EACCES") return fault(`${which} may not be used by this user. Pass a port from 1024 up, or ${free}.`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN")
    return fault(`${String(host)} is no address of this machine. Pass another --host.`);
  return undefined;
}
