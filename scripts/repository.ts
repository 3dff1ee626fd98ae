// What scripts share: the files of the repository, and the way a checker reports.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The checkout's folder, without a slash at its end. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Paths relative to `folder`, with forward slashes: tracked by git, or new and not ignored. */
export function listFiles(folder: string = root): string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split("\0"))].filter((path) => path !== "" && existsSync(`${folder}/${path}`)).sort();
}

/** Prints each fault on a line of its own and makes the process end with 1 if there is any. */
export function runMain(name: string, check: () => string[]): void {
  const faults = check();
  for (const fault of faults) console.error(fault);
  console.log(faults.length === 0 ? `${name}: no fault` : `${name}: ${String(faults.length)} fault(s)`);
  if (faults.length > 0) process.exitCode = 1;
}
