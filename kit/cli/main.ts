import { mintToken } from "../access/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { child, childMark } from "./child.ts";
import { endBySignals } from "./ending.ts";
import { generation, generationMark } from "./generation.ts";
import { startPlatform } from "./platform.ts";
import { chosen, type Platform, type PlatformOptions } from "./settings.ts";

const drainMs = 4_000;

/** The entry of a process: starts, prints the addresses, drains at the first signal and ends at once at the second. */
export async function main(options: PlatformOptions): Promise<void> {
  const started = performance.now();
  let platform: Platform;
  try {
    if (options.env[childMark] !== undefined) {
      await child(options);
      return;
    }
    if (options.env[generationMark] !== undefined) {
      await generation(options, fill);
      return;
    }
    platform = await startPlatform(options);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    process.disconnect?.();
    return;
  }
  endBySignals(() => platform.stop(drainMs));
  await fill(options, platform);
  process.stdout.write(greeting(platform, performance.now() - started, options.example));
}

/** In development an empty platform gets what the first calls need. */
async function fill(options: PlatformOptions, { url, keys }: Platform): Promise<void> {
  // Without the development key there is nobody in whose name it could be filled.
  if (options.seed === undefined || keys === undefined || !chosen(options).own.seed) return;
  const { clock } = systemRuntime();
  const token = await mintToken(keys, { caller: { kind: "user", id: "seed", roles: ["operator"] }, clock });
  try {
    await options.seed({ url, token });
  } catch (error) {
    process.stderr.write(
      `The platform could not be filled: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}

export function greeting(
  { url, addresses }: Pick<Platform, "url" | "addresses">,
  ms: number,
  example: ((url: string) => string) | undefined,
): string {
  const rows = [["front door", url], ...addresses.map(({ name, url: own }) => [name, own])];
  const table = rows.map(([name = "", address = ""]) => `  ${name.padEnd(14)} ${address}`).join("\n");
  const first = example === undefined ? "" : `\nTry: ${example(url)}\n`;
  return `\nHoldfast is ready after ${(ms / 1000).toFixed(2)} s.\n${table}\n  docs           ${url}/docs\n${first}`;
}
