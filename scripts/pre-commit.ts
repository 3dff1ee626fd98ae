// The git hook: format, lint, layers, assertions and machine names of the files that are about to be committed, as they lie
// in the working tree. Takes about a second.
import { execFileSync, spawnSync } from "node:child_process";
import { root } from "./repository.ts";

const staged = execFileSync("git", ["diff", "--cached", "--name-only", "-z", "--diff-filter=ACMR"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "");
const code = staged.filter((path) => /\.(ts|tsx|mjs|js)$/.test(path));
const formatted = staged.filter((path) => /\.(ts|tsx|mjs|js|json|css|html|ya?ml)$/.test(path));

const parts: readonly { command: readonly string[]; files?: readonly string[] }[] = [
  { command: ["oxfmt", "--check", "--no-error-on-unmatched-pattern"], files: formatted },
  { command: ["oxlint", "--no-error-on-unmatched-pattern"], files: code },
  { command: ["node", "--disable-warning=ExperimentalWarning", "scripts/assertions.ts"], files: code },
  { command: ["node", "scripts/machine-names.ts"], files: staged },
  { command: ["node", "scripts/layers.ts"] },
];
for (const { command, files } of parts) {
  const [program = "", ...args] = [...command, ...(files ?? [])];
  if (files?.length === 0) continue;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  if (status === 0) continue;
  console.error(
    `${stdout}${stderr}\nThe commit was stopped. \`npm run format\` formats; \`git commit --no-verify\` skips the checks once.`,
  );
  process.exitCode = 1;
}
