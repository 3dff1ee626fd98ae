// `npm run check`: everything that CI runs besides the tests. Every part runs, also after one has failed; the output of
// those that failed is shown in full, and a table closes the run.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./repository.ts";

const quiet = "--disable-warning=ExperimentalWarning";
/** A part whose script does not exist is left out: `needs` names it. */
const parts: readonly { name: string; command: readonly string[]; needs?: string }[] = [
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "lint", command: ["oxlint"] },
  // Several checkers repeat most of the work of one: more of them take longer.
  { name: "types", command: ["tsc", "-p", ".", "--checkers", "1"] },
  { name: "layers", command: ["node", "scripts/layers.ts"] },
  { name: "assertions", command: ["node", quiet, "scripts/assertions.ts"] },
  { name: "lock file", command: ["node", "scripts/lockfile.ts"] },
  { name: "machine names", command: ["node", "scripts/machine-names.ts"] },
  { name: "reference", command: ["node", quiet, "scripts/reference.ts", "--check"] },
  { name: "benchmarks", command: ["node", quiet, "bench/main.ts", "--check"] },
  { name: "documents", command: ["node", "scripts/docs-check.ts"], needs: "scripts/docs-check.ts" },
  { name: "packed kit", command: ["node", "scripts/smoke-tarball.ts"], needs: "scripts/smoke-tarball.ts" },
  { name: "new project", command: ["node", "scripts/new-project.ts"], needs: "scripts/new-project.ts" },
];

const path = [join(root, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter);
const colours = process.stdout.isTTY ? {} : { NO_COLOR: "1", FORCE_COLOR: undefined };
const results = parts
  .filter(({ needs }) => needs === undefined || existsSync(join(root, needs)))
  .map(({ name, command: [program = "", ...args] }) => {
    const start = performance.now();
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, ...colours, PATH: path },
      maxBuffer: 64 * 1024 * 1024,
      shell: process.platform === "win32",
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (status !== 0)
      console.log(`\n== ${name} ==\n${stdout ?? ""}${stderr ?? ""}${error === undefined ? "" : String(error)}`);
    return { name, seconds, failed: status !== 0 };
  });

for (const { name, seconds, failed } of results)
  console.log(`${failed ? "FAILED" : "ok    "} ${name.padEnd(16)} ${seconds.padStart(6)} s`);
process.exitCode = results.some(({ failed }) => failed) ? 1 : 0;
