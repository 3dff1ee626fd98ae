import { closeSync, openSync, rmSync } from "node:fs";
import path from "node:path";
import { privateFolder, tighten } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { Refusal } from "./refusal.ts";

/**
 * Makes the data folder where it is missing, and sees to it that its owner alone may use it. Throws a sentence where it cannot be used. A full disk is no
 * reason: what is there may be read.
 */
export function openDataFolder(folder: string): DataFolder {
  try {
    const tightened = privateFolder(folder);
    for (const own of ["keys", "logs", "stores"]) tighten(path.join(folder, own), 0o700);
    const probe = path.join(folder, `.probe-${String(process.pid)}`);
    closeSync(openSync(probe, "w", 0o600));
    rmSync(probe, { force: true });
    return {
      folder,
      report(log) {
        if (tightened) log.warn("other users could use the data folder; now only its owner can", { folder });
      },
    };
  } catch (error) {
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOSPC" || code === "EDQUOT") return { folder, report: () => {} };
    throw new Refusal(`The data folder ${folder} cannot be used: ${reasonOf(code, error)} Or pass --data=<folder>.`, {
      cause: error,
    });
  }
}

export interface DataFolder {
  /** Absolute. */
  readonly folder: string;
  /** Logs what was changed. */
  report(log: Logger): void;
}

function reasonOf(code: unknown, error: unknown): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "this user may not write it. Change its owner or mode.";
    case "EROFS":
      return "its file system is read-only. Mount it for writing.";
    case "EEXIST":
    case "ENOTDIR":
      return "it is a file, or lies below one. Move that away.";
    default:
      return `${error instanceof Error ? error.message : String(error)}.`;
  }
}
