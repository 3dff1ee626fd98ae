import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

/** Files are readable by their owner alone, folders usable by their owner alone, whatever the umask. */
const fileMode = 0o600;
const folderMode = 0o700;
const othersMode = 0o077;

/** What tells a data folder from a folder that holds something else as well. */
const marks = ["keys", "broker.db"];

/**
 * Makes a data folder, with mode 0700. An existing one gets that mode where it belongs to this user and is empty or in use as a data folder.
 * Returns true where other users had rights that they have lost.
 */
export function privateFolder(folder: string): boolean {
  mkdirSync(folder, { recursive: true, mode: folderMode });
  const entries = readdirSync(folder);
  if (entries.length > 0 && !entries.some((entry) => marks.includes(entry))) return false;
  return tighten(folder, folderMode);
}

/** Makes an empty file with mode 0600, and its folder; an existing file of this user gets that mode. Nothing is opened that exists. */
export function privateFile(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: folderMode });
  try {
    closeSync(openSync(file, "wx", fileMode));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    tighten(file, fileMode);
  }
}

/** Takes the rights of other users away, where there are any, the file is there and belongs to this user. */
export function tighten(file: string, mode: number = fileMode): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || (stat.mode & othersMode) === 0 || stat.uid !== process.getuid?.()) return false;
  if (stat.isDirectory() !== (mode === folderMode)) return false;
  try {
    chmodSync(file, mode);
    return true;
  } catch {
    // Some file systems have no modes.
    return false;
  }
}
