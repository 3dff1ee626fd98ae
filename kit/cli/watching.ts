import { watch } from "node:fs";
import path from "node:path";
import type { Timers } from "../runtime/index.ts";

export interface WatchOptions {
  readonly folders: readonly string[];
  readonly timers: Pick<Timers, "after">;
  /** Called once for saves that come close together. */
  readonly onSave: () => void;
  readonly onError: (error: unknown) => void;
}

/** An editor, a formatter or a checkout writes several files, and each of them in several steps. */
const togetherMs = 50;

/** What a process may have loaded. Tests, hidden files and packages are not among it. */
const counts = (file: string): boolean =>
  /\.(ts|mts|js|mjs|cjs|json|sql|html|css)$/.test(file) &&
  !file.endsWith(".test.ts") &&
  !file.split(path.sep).some((part) => part === "node_modules" || part === "dist" || part.startsWith("."));

/** Watches the sources below some folders, new folders included, until it is disposed of. */
export function watchSources({ folders, timers, onSave, onError }: WatchOptions): Disposable {
  let waiting: { cancel(): void } | undefined;
  const watchers = folders.map((folder) => {
    const watcher = watch(folder, { recursive: true }, (_, file) => {
      if (file === null || !counts(file)) return;
      waiting?.cancel();
      waiting = timers.after(togetherMs, onSave);
    });
    watcher.on("error", onError);
    return watcher;
  });
  return {
    [Symbol.dispose]() {
      waiting?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}
