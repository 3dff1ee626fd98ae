import { systemRuntime } from "../runtime/index.ts";
import { logger } from "../telemetry/index.ts";
import { endBySignals } from "./ending.ts";
import type { ForkOptions } from "./forked-process.ts";
import { greeting } from "./main.ts";
import { startReloading } from "./reloading.ts";
import type { Example } from "./settings.ts";
import { watchSources } from "./watching.ts";

export interface DevOptions extends ForkOptions {
  /** The folders of the sources. */
  readonly watch: readonly string[];
  /** A command to try first, shown when it is ready; told where the platform is. @default none is shown */
  readonly example?: Example;
}

const drainMs = 4_000;

/**
 * For development: runs what `entry` runs, and after each save the new code, in a process beside the old one, which ends when it has answered what it was
 * asked. Code that does not start changes nothing. This very process keeps the code that it was started with.
 */
export async function dev({ watch, example, ...options }: DevOptions): Promise<void> {
  const started = performance.now();
  const say = (sentence: string) => process.stdout.write(`\n${sentence}\n`);
  const reloading = startReloading({ ...options, say, log: logger({ level: "warn", format: "pretty" }) });
  const watcher = watchSources({
    folders: watch,
    timers: systemRuntime().timers,
    onSave: () => reloading.reload(),
    onError: (error) => say(`Saves are not noticed any more: ${String(error)}`),
  });
  endBySignals(
    async () => {
      watcher[Symbol.dispose]();
      await reloading.stop(drainMs);
    },
    () => reloading.kill(),
  );
  try {
    process.stdout.write(greeting(await reloading.ready, performance.now() - started, example));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    reloading.kill();
    process.exit(1);
  }
}
