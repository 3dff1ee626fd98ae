import { largestLimits, type ForwardLimits } from "../http/index.ts";
import { describe } from "../service/index.ts";
import { endWhenTold } from "./ending.ts";
import { startChosen } from "./platform.ts";
import type { ServicePort } from "./ports.ts";
import { chosen, type Platform, type PlatformOptions } from "./settings.ts";

/** Marks a process that `startReloading` has forked. */
export const generationMark = "HOLDFAST_GENERATION";

/** What it tells when it is ready: where it is, and where its settings would have it be. */
export interface GenerationReady {
  readonly generation: {
    readonly url: string;
    readonly addresses: Platform["addresses"];
    readonly wanted: {
      readonly host: string;
      readonly port: number;
      readonly ports: readonly ServicePort[];
      readonly trustProxy: string | undefined;
    };
    /** The largest of all endpoints. */
    readonly limits: ForwardLimits;
  };
}

const drainMs = 4_000;

/** The platform on free ports of loopback: whoever forked this process has those of the settings, and hands requests on. */
export async function generation(
  options: PlatformOptions,
  fill: (options: PlatformOptions, platform: Platform) => Promise<void>,
): Promise<void> {
  const { [generationMark]: _mark, ...env } = options.env;
  const own = { ...options, env };
  const choice = chosen(own);
  const {
    own: { host, port, trustProxy },
    ports,
  } = choice;
  const limits = largestLimits(choice.services.flatMap((service) => describe(service).endpoints));
  const platform = await startChosen(own, {
    ...choice,
    own: { ...choice.own, host: "127.0.0.1", port: 0, trustProxy: "loopback" },
    ports: ports.map(({ name }) => ({ name, port: 0 })),
  });
  endWhenTold(() => platform.stop(drainMs));
  await fill(own, platform);
  const { url, addresses } = platform;
  const wanted = { host, port, ports, trustProxy };
  const message: GenerationReady = { generation: { url, addresses, wanted, limits } };
  // Where it cannot be sent, "disconnect" follows.
  if (process.connected === true) process.send?.(message, () => {});
}
