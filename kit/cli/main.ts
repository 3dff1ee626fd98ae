import { mintToken } from "../access/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { child, childMark } from "./child.ts";
import { startPlatform } from "./platform.ts";
import { chosen, type Platform, type PlatformOptions } from "./settings.ts";

/** A terminal, npm and the bootstrap may each hand on one Ctrl-C: signals this close together are one. */
const oneSignalMs = 150;
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
    platform = await startPlatform(options);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    process.disconnect?.();
    return;
  }
  let stoppedAt: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (stoppedAt === undefined) {
      stoppedAt = now;
      process.stdout.write("\nStopping: requests in hand finish, messages go out. Once more ends it at once.\n");
      platform.stop(drainMs).then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          process.exit(1);
        },
      );
    } else if (now - stoppedAt > oneSignalMs) process.exit(130);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", stop);
  // The bootstrap is gone: so is everything that could stop this process in good order.
  process.on("disconnect", stop);
  await fill(options, platform);
  process.stdout.write(greeting(platform, performance.now() - started));
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

function greeting({ url, addresses }: Platform, ms: number): string {
  const rows = [["front door", url], ...addresses.map(({ name, url: own }) => [name, own])];
  const table = rows.map(([name = "", address = ""]) => `  ${name.padEnd(14)} ${address}`).join("\n");
  return `\nHoldfast is ready after ${(ms / 1000).toFixed(2)} s.\n${table}\n  docs           ${url}/docs\n\nTry: curl -s ${url}/customers -H 'content-type: application/json' -d '{"name":"Ada","email":"ada@example.com"}'\n`;
}
