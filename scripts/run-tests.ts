// `npm test`: every *.test.ts of the kit, the systems, the scripts and the benchmarks on node:test, with a private PostgreSQL beside them
// where the machine has one. `npm test -- kit/sql outbox` runs the files whose path contains one of the words; arguments
// that begin with a dash go to node, such as --test-name-pattern=…
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { runWithPostgres } from "./postgres.ts";
import { root } from "./repository.ts";

export function selectFiles(files: readonly string[], words: readonly string[]): string[] {
  return files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
}

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
  process.exitCode = await runWithPostgres(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "--test",
    `--test-concurrency=${String(concurrency)}`,
    "--test-timeout=180000",
    "--test-reporter=./scripts/test-reporter.ts",
    "--test-reporter-destination=stdout",
    ...options,
    ...files,
  ]);
}
