// Several test files in one process, each a suite of its own: most of what a small file costs is starting Node and loading the kit.
import { createRequire } from "node:module";
import path from "node:path";
import { root } from "./repository.ts";

const load = createRequire(import.meta.url);

/**
 * node:test follows every promise, to know of an error that nobody caught which test it belongs to: a third of the time where tests wait for much.
 * In a group it follows timers and sockets alone. What nobody caught is told as it is, and fails the run, though perhaps no test.
 */
function withoutPromises<T>(loadTests: () => T): T {
  const hooks = process.getBuiltinModule("node:async_hooks");
  const { createHook } = hooks;
  Object.assign(hooks, {
    createHook: (callbacks: Parameters<typeof createHook>[0]) => createHook({ ...callbacks, trackPromises: false }),
  });
  // What node:test makes its hook with is what it finds when it is loaded: nothing of a group imports it before.
  const loaded = loadTests();
  Object.assign(hooks, { createHook });
  for (const event of ["uncaughtExceptionMonitor", "unhandledRejection"] as const)
    process.on(event, (error: unknown) => console.error("Nobody caught:", error));
  return loaded;
}

const { describe } = withoutPromises(() => process.getBuiltinModule("node:test"));

/**
 * All files are loaded before the first test begins. `require`, as node:test finds the suite that a test belongs to by what is running: after an `await`
 * within the loader of modules it may be another one. A file that does not load fails alone; one that awaits at its top does not load so.
 */
export function group(files: readonly string[]): void {
  for (const file of files) {
    void describe(file, () => {
      load(path.resolve(root, file));
    });
  }
}
