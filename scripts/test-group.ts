// Several test files in one process, each a suite of its own: most of what a small file costs is starting Node and loading the kit.
import { createRequire } from "node:module";
import path from "node:path";
import { describe } from "node:test";
import { root } from "./repository.ts";

const load = createRequire(import.meta.url);

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
