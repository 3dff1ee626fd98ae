import type { Runtime } from "../runtime/index.ts";
import { logFiles, logger, type Logger } from "../telemetry/index.ts";
import type { Chosen } from "./settings.ts";

export interface ProcessLog {
  readonly log: Logger;
  /** Writes what waits for the files; after that, entries are written one by one. */
  close(): void;
}

/** The name of the files of what no service says, where a process has several or none. */
const nobodys = "holdfast";

/** The console, and the files of the services that run in this process. Files that cannot be written are said on the console, once. */
export function processLog({ services, own }: Pick<Chosen, "services" | "own">, runtime: Runtime): ProcessLog {
  const { logs: folder, logLevel: level, logFormat: format } = own;
  const console = logger({ level, format });
  if (folder === undefined) return { log: console, close: () => {} };
  const names = services.map(({ name }) => name);
  const files = logFiles({
    folder,
    services: names,
    other: names.length === 1 ? (names[0] ?? nobodys) : nobodys,
    bytes: own.logFileBytes,
    kept: own.logFilesKept,
    runtime,
    onTrouble(trouble) {
      if ("lost" in trouble) console.warn("the log files are written again", { folder, missing: trouble.lost });
      else console.error("the log files cannot be written; the console alone has the entries", { folder, ...trouble });
    },
  });
  // A process that ends itself, by an error that nobody caught, too.
  const flush = () => files.flush();
  process.on("exit", flush);
  return {
    log: logger({ level, format, files }),
    close() {
      process.off("exit", flush);
      files.close();
    },
  };
}
