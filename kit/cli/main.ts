import { mintToken } from "../access/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { child, childMark } from "./child.ts";
import { endBySignals } from "./ending.ts";
import { generation, generationMark } from "./generation.ts";
import { startPlatform } from "./platform.ts";
import {
  chosen,
  type Address,
  type Example,
  type Platform,
  type PlatformOptions,
  type Whereabouts,
} from "./settings.ts";
import { listenFault } from "./taken-ports.ts";

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
    const { message } = listenFault(error) ?? (error instanceof Error ? error : new Error(String(error)));
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
    process.disconnect?.();
    return;
  }
  endBySignals(() => platform.stop(drainMs));
  await fill(options, platform);
  process.stdout.write(greeting(platform, performance.now() - started, options.example));
}

/** In development an empty platform gets what the first calls need. */
async function fill(options: PlatformOptions, { url, addresses, keys }: Platform): Promise<void> {
  // Without the development key there is nobody in whose name it could be filled.
  if (options.seed === undefined || keys === undefined || !chosen(options).own.seed) return;
  const { clock } = systemRuntime();
  const token = await mintToken(keys, { caller: { kind: "user", id: "seed", roles: ["operator"] }, clock });
  try {
    await options.seed({ url, addresses, token });
  } catch (error) {
    process.stderr.write(
      `The platform could not be filled: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}

export function greeting({ url, addresses }: Whereabouts, ms: number, example: Example | undefined): string {
  const rows = [{ name: "front door", url }, ...addresses];
  const table = rows.map((row) => `  ${row.name.padEnd(14)} ${row.url}${noteOf(row)}`).join("\n");
  const command = example?.({ url, addresses });
  const first = command === undefined ? "" : `\nTry: ${command}\n`;
  return `\nHoldfast is ready after ${(ms / 1000).toFixed(2)} s.\n${table}\n  docs           ${url}/docs\n${first}`;
}

const noteOf = ({ takenBy }: Address): string =>
  takenBy === undefined ? "" : ` (${String(takenBy.port)} is taken by ${takenBy.name})`;
