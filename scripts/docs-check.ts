// `npm run docs:check`: runs every block of shell in the docs that is marked `check` against a platform of its own, in one shell a page, and looks for
// the lines of the following block of text in what it printed. Follows the guides (guides.ts), and checks links between pages, too.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { exitOf, frontDoorOf } from "./children.ts";
import { followAll, guides } from "./guides.ts";
import { listFiles, root } from "./repository.ts";

interface Example {
  readonly shell: string;
  readonly expected: readonly string[];
}

/** The marked examples of a page, in order. */
export function examplesOf(page: string): readonly Example[] {
  const blocks = [...page.matchAll(/```sh check\n([\s\S]*?)```\n```text\n([\s\S]*?)```/g)];
  return blocks.map(([, shell = "", text = ""]) => ({
    shell,
    expected: text.split("\n").filter((line) => line !== ""),
  }));
}

/** Examples whose output lacks what the page promises. */
export function runExamples(examples: readonly Example[], url: string, data: string): readonly string[] {
  const mark = "-- end of an example --";
  const script = examples
    .map(({ shell }) => `${shell.replaceAll("http://localhost:8080", url)}\necho; echo '${mark}'`)
    .join("\n");
  const { stdout } = spawnSync("bash", ["-c", script], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, HOLDFAST_DATA: data },
  });
  const outputs = stdout.split(mark);
  return examples.flatMap(({ expected, shell }, at) =>
    expected
      .filter((line) => !(outputs[at] ?? "").includes(line))
      .map(
        (line) =>
          `${shell.split("\n")[0] ?? ""} … did not print ${line}; it printed ${(outputs[at] ?? "").trim().slice(0, 500)}`,
      ),
  );
}

/** Links to files that are not there. */
export function deadLinks(page: string, file: string): readonly string[] {
  return [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !existsSync(path.join(root, path.dirname(file), target)))
    .map((target) => `${file}: there is no ${target}`);
}

/** A test that names an invariant stands in its row of the table, and what a row names is there. `tests` gives the text of each test file by its path. */
export function invariantFaults(page: string, tests: ReadonlyMap<string, string>): readonly string[] {
  const rows = new Map<string, string>();
  for (const [, number = "", row = ""] of page.matchAll(/^\| (\d+) \|(.*)$/gm)) rows.set(number, row);
  const faults: string[] = [];
  for (const [number, row] of rows) {
    for (const [, file = ""] of row.matchAll(/`([^`\s]+\.ts)`/g))
      if (!existsSync(path.join(root, file))) faults.push(`invariant ${number} names ${file}, which is not there`);
  }
  for (const [file, text] of tests) {
    for (const [, number = ""] of text.matchAll(/\[invariant (\d+)\]/g)) {
      if (rows.get(number)?.includes(file) !== true)
        faults.push(`${file} checks invariant ${number}, but its row does not name it`);
    }
  }
  return faults;
}

async function main(): Promise<void> {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-docs-"));
  const child = spawn(
    process.execPath,
    [path.join(root, "systems/main.ts"), "--port=0", "--service-port=0", `--data=${data}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const faults: string[] = [];
  let count = 0;
  try {
    const url = await frontDoorOf(child);
    for (const file of listFiles().filter((name) => name.endsWith(".md"))) {
      const page = readFileSync(path.join(root, file), "utf8");
      faults.push(...deadLinks(page, file));
      const examples = examplesOf(page);
      count += examples.length;
      faults.push(...runExamples(examples, url, data).map((fault) => `${file}: ${fault}`));
    }
    const tests = new Map(
      listFiles()
        .filter((name) => /^(kit|systems)\/.*\.test\.ts$/.test(name))
        .map((name) => [name, readFileSync(path.join(root, name), "utf8")]),
    );
    const guarantees = readFileSync(path.join(root, "docs/guarantees.md"), "utf8");
    faults.push(...invariantFaults(guarantees, tests));
    if (invariantFaults(guarantees.replaceAll("order.test.ts", "gone.test.ts"), tests).length === 0)
      faults.push("The check is blind: it was content with invariants whose tests are not named.");
    // The check is shown a wrong example and must find it.
    if (runExamples([{ shell: "echo right", expected: ["wrong"] }], url, data).length !== 1)
      faults.push("The check is blind: it was content with a wrong example.");
  } finally {
    const ended = exitOf(child);
    child.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
  const followed = await followAll(guides());
  faults.push(...followed.faults);
  for (const fault of faults) console.error(fault);
  console.log(
    `${String(count)} examples ran, ${String(followed.blocks)} blocks of guides followed, ${String(faults.length)} faults`,
  );
  if (faults.length > 0 || count === 0) process.exitCode = 1;
}

if (import.meta.main) await main();
