// `npm run docs:check`: runs every block of shell in the docs that is marked `check` against a platform of its own, in one shell a page, and looks for
// the lines of the following block of text in what it printed. Follows the guides (guides.ts), and checks links between pages, too.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ports } from "../systems/ports.ts";
import { addressesOf, exitOf } from "./children.ts";
import { followAll, guides } from "./guides.ts";
import { listFiles, root } from "./repository.ts";

const pageMs = 120_000;

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

export interface Place {
  /** The address for each port that a page names. */
  readonly at: Readonly<Record<number, string>>;
  readonly data: string;
}

/** Examples whose output lacks what the page promises. What `say` is told begins with "::". */
export function runExamples(
  examples: readonly Example[],
  { at, data }: Place,
  say: (line: string) => void = () => undefined,
): readonly string[] {
  const mark = "-- end of an example --";
  const led = (shell: string) =>
    shell.replaceAll(/http:\/\/localhost:(\d+)/g, (whole, port: string) => at[Number(port)] ?? whole);
  const script = examples.map(({ shell }) => `${led(shell)}\necho; echo '${mark}'`).join("\n");
  const { stdout } = spawnSync("bash", ["-c", script], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, HOLDFAST_DATA: data },
    // A page that waits for what never comes is told by what it did not print.
    timeout: pageMs,
  });
  const outputs = stdout.split(mark);
  for (const [, told = ""] of stdout.matchAll(/^:: (.*)$/gm)) say(told);
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

/** Whether the page's examples ask the services at the sketch's own ports. */
const isSketched = (page: string): boolean =>
  examplesOf(page).some(({ shell }) =>
    Object.values(ports).some((port) => shell.includes(`http://localhost:${String(port)}`)),
  );

/** A platform on free ports, with its data in a folder of its own; gone afterwards. */
async function withPlatform(
  services: readonly string[],
  use: (addresses: ReadonlyMap<string, string>, data: string) => void,
): Promise<void> {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-docs-"));
  const args = [path.join(root, "systems/main.ts"), ...services, "--port=0", "--service-port=0", `--data=${data}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    use(await addressesOf(child), data);
  } finally {
    const ended = exitOf(child);
    child.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const pages = listFiles()
    .filter((name) => name.endsWith(".md"))
    .map((file) => ({ file, page: readFileSync(path.join(root, file), "utf8") }));
  const faults = pages.flatMap(({ file, page }) => deadLinks(page, file));
  const sketched = Object.entries(ports);
  let count = 0;
  const runPages = (place: Place, where: string, wanted: (page: string) => boolean) => {
    for (const { file, page } of pages) {
      const examples = wanted(page) ? examplesOf(page) : [];
      count += examples.length;
      const say = (line: string) => console.log(`${file}, ${where}: ${line}`);
      faults.push(...runExamples(examples, place, say).map((fault) => `${file}, ${where}: ${fault}`));
    }
  };
  await withPlatform([], (addresses, data) => {
    const url = addresses.get("front door") ?? "";
    // Whatever port a page names, the front door has it all.
    const at = Object.fromEntries([8080, ...sketched.map(([, port]) => port)].map((port) => [port, url]));
    runPages({ at, data }, "behind the front door", () => true);
    // The check is shown a wrong example and must find it.
    if (runExamples([{ shell: "echo right", expected: ["wrong"] }], { at, data }).length !== 1)
      faults.push("The check is blind: it was content with a wrong example.");
  });
  await withPlatform(["education"], (addresses, data) => {
    const at = Object.fromEntries(sketched.map(([name, port]) => [port, addresses.get(name) ?? ""]));
    runPages({ at, data }, "on the services' own ports", isSketched);
  });
  const tests = new Map(
    listFiles()
      .filter((name) => /^(kit|systems)\/.*\.test\.ts$/.test(name))
      .map((name) => [name, readFileSync(path.join(root, name), "utf8")]),
  );
  const guarantees = readFileSync(path.join(root, "docs/guarantees.md"), "utf8");
  faults.push(...invariantFaults(guarantees, tests));
  if (invariantFaults(guarantees.replaceAll("order.test.ts", "gone.test.ts"), tests).length === 0)
    faults.push("The check is blind: it was content with invariants whose tests are not named.");
  const followed = await followAll(guides());
  faults.push(...followed.faults);
  for (const fault of faults) console.error(fault);
  console.log(
    `${String(count)} examples ran, ${String(followed.blocks)} blocks of guides followed, ${String(faults.length)} faults`,
  );
  if (faults.length > 0 || count === 0) process.exitCode = 1;
}

if (import.meta.main) await main();
