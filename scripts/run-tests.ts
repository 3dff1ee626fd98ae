// `npm test`: every *.test.ts of the kit, the systems, the scripts and the benchmarks on node:test, with a private PostgreSQL beside them
// where the machine has one. `npm test -- kit/sql outbox` runs the files whose path contains one of the words; arguments
// that begin with a dash go to node, such as --test-name-pattern=…
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { runWithPostgres } from "./postgres.ts";
import { root } from "./repository.ts";

export function selectFiles(files: readonly string[], words: readonly string[]): string[] {
  return files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
}

export interface Group {
  /** Of the folder, such as `kit-sql-2`. */
  readonly name: string;
  readonly files: readonly string[];
}

/** Neighbours share a process, at most so many of them: with more the processes would not be busy equally long. */
const together = 5;

/** Folders with fewer files have their groups in common. */
const few = 3;

/**
 * The files of a folder of the kit, or of a system, by turns in as few groups as will do. Scripts are tested without the kit, so that little would be
 * saved, and a file that awaits at its top has to be loaded by node.
 */
export function groupFiles(files: readonly string[], mayShare: (file: string) => boolean): Group[] {
  const folderOf = (file: string) => path.posix.dirname(file).split("/").slice(0, 2).join("-");
  const folders = Map.groupBy(files.filter(mayShare), folderOf);
  const groups = Map.groupBy(files, (file) => {
    if (!mayShare(file)) return file;
    const folder = folderOf(file);
    return (folders.get(folder)?.length ?? 0) < few ? folder.replace(/-.*|$/, "-few") : folder;
  });
  return [...groups].flatMap(([folder, inside]) => {
    const count = Math.ceil(inside.length / together);
    return Array.from({ length: count }, (_, nth) => ({
      name: `${folder}-${String(nth + 1)}`,
      files: inside.filter((_file, at) => at % count === nth),
    }));
  });
}

/** What node is given for a group: its only file, or a module that loads several. */
function entryOf({ name, files }: Group, folder: string): string {
  const [only] = files;
  if (only !== undefined && files.length === 1) return only;
  const entry = path.join(folder, `${name}.group.mjs`);
  const loader = pathToFileURL(path.join(root, "scripts/test-group.ts")).href;
  writeFileSync(entry, `import { group } from "${loader}";\ngroup(${JSON.stringify(files)});\n`);
  return entry;
}

const mayShare = (file: string): boolean =>
  /^(kit|systems)\//.test(file) && !/^(?:(?:const|let) .*= )?await /m.test(readFileSync(path.join(root, file), "utf8"));

if (import.meta.main) {
  const given = process.argv.slice(2);
  const options = given.filter((each) => each.startsWith("-"));
  const words = given.filter((each) => !each.startsWith("-"));
  const found = globSync("{kit,systems,scripts,bench,demo,deploy}/**/*.test.ts", {
    cwd: root,
    exclude: ["**/node_modules/**", "**/dist/**"],
  });
  const files = selectFiles(found.map((file) => file.replaceAll("\\", "/")).sort(), words);
  if (files.length === 0) {
    console.error(`No test file's path contains ${words.join(" or ")}`);
    process.exit(1);
  }
  // One more than there are cores: tests wait for disks, sockets and processes a good part of the time.
  const concurrency = Math.min(8, availableParallelism() + 1);
  const folder = mkdtempSync(path.join(tmpdir(), "holdfast-tests-"));
  try {
    process.exitCode = await runWithPostgres(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--test",
      `--test-concurrency=${String(concurrency)}`,
      "--test-timeout=180000",
      "--test-reporter=./scripts/test-reporter.ts",
      "--test-reporter-destination=stdout",
      ...options,
      ...groupFiles(files, mayShare).map((each) => entryOf(each, folder)),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
