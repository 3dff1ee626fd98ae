// `npm run mutate -- --seed 1 --count 60 [--folder-only] [files…]`: plants one small fault at a time in a copy of the checkout, and lists those that neither
// a test nor the compiler finds. Without files: those that carry guarantees. The tests of the file's folder run first, then the compiler, then all other
// tests of the kit and the systems (not with --folder-only). The first failure ends a run.
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "holdfast/runtime";
import { catchSignals, exitOf } from "./children.ts";
import { mutated, mutationsOf, type Mutation } from "./mutations.ts";
import { listFiles, root } from "./repository.ts";

/** What the guarantees rest on. */
const carryingGuarantees = [
  /^kit\/calls\/(policies|client)\.ts$/,
  /^kit\/documents\/(unit|settle|intake|retry|outbox|sweep)\.ts$/,
  /^kit\/messaging\/(intake|relay|retries|retry|schedules|held-lease|failure-rate)\.ts$/,
  /^kit\/service\/(claims|routes|unit-context|admission)\.ts$/,
  /^kit\/sql\/(lane|turn|intake|requests|parking|outgoing|sweep|group-writer|leases)\.ts$/,
  /^kit\/streams\/(stream|fold|rebuild)\.ts$/,
  /^kit\/brokers\/(log|member)\.ts$/,
];

/** A run that takes so many times as long as without a fault has found it, too: it hangs. */
const patience = 3;
const shortestLimitMs = 60_000;
const graceMs = 10_000;

interface Planted {
  readonly file: string;
  readonly mutation: Mutation;
}

/** Mutations of the files, drawn by the seed, each once. */
function sample(files: readonly string[], seed: number, count: number): readonly Planted[] {
  const random = seededRandom(seed);
  const all = files.flatMap((file) =>
    mutationsOf(readFileSync(path.join(root, file), "utf8")).map((mutation) => ({ file, mutation })),
  );
  const drawn: Planted[] = [];
  while (drawn.length < count && all.length > 0) drawn.push(...all.splice(Math.floor(random.next() * all.length), 1));
  return drawn;
}

/** A copy of the checkout whose packages are those of this one; its workspaces are its own. */
function copyCheckout(): string {
  const copy = mkdtempSync(path.join(tmpdir(), "holdfast-mutate-"));
  for (const file of listFiles()) cpSync(path.join(root, file), path.join(copy, file));
  mkdirSync(path.join(copy, "node_modules"));
  for (const entry of readdirSync(path.join(root, "node_modules"), { withFileTypes: true })) {
    const name = `node_modules/${entry.name}`;
    // A workspace is a relative link.
    const target = entry.isSymbolicLink() ? readlinkSync(path.join(root, name)) : path.join(root, name);
    symlinkSync(target, path.join(copy, name));
  }
  return copy;
}

/** What is wrong, or undefined where the command succeeds: the first failed test, or how the command ended. */
async function failureOf(copy: string, command: readonly string[], limitMs: number): Promise<string | undefined> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd: copy, stdio: ["ignore", "pipe", "ignore"], detached: true });
  const stop = (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended.
    }
  };
  using _ = catchSignals((signal) => {
    stop();
    process.kill(process.pid, signal);
  });
  let reason: string | undefined;
  let last: NodeJS.Timeout | undefined;
  const end = (why: string) => {
    reason ??= why;
    // Gracefully first: the tests' PostgreSQL goes with them.
    stop();
    last ??= setTimeout(() => stop("SIGKILL"), graceMs);
  };
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const failed = /^FAILED (\S+: .+)$/m.exec(text)?.[1] ?? /^.*error TS\d+.*$/m.exec(text)?.[0];
    if (failed !== undefined) end(failed);
  });
  const timer = setTimeout(() => end(`no end within ${String(limitMs)} ms`), limitMs);
  try {
    const code = await exitOf(child);
    return reason ?? (code === 0 ? undefined : `exit code ${String(code)}`);
  } finally {
    clearTimeout(timer);
    clearTimeout(last);
    stop("SIGKILL");
  }
}

/** Runs commands in the copy; each has to succeed once without a fault, which also says how long it may take. */
class Checks {
  readonly #copy: string;
  readonly #limits = new Map<string, number>();

  constructor(copy: string) {
    this.#copy = copy;
  }

  async failureOf(command: readonly string[]): Promise<string | undefined> {
    return failureOf(this.#copy, command, this.#limits.get(command.join(" ")) ?? Number.POSITIVE_INFINITY);
  }

  async requireSuccess(command: readonly string[]): Promise<void> {
    if (this.#limits.has(command.join(" "))) return;
    const began = performance.now();
    const failure = await failureOf(this.#copy, command, 2 ** 31 - 1);
    if (failure !== undefined) throw new Error(`${command.join(" ")} fails without any fault planted: ${failure}`);
    const limit = Math.max(shortestLimitMs, Math.round(patience * (performance.now() - began)));
    this.#limits.set(command.join(" "), limit);
  }
}

const runTests = ["node", "scripts/run-tests.ts"];
const compiler = ["tsc", "-p", ".", "--checkers", "1"];

/** Most faults are found by the first; the last takes by far the longest. */
function commandsFor(file: string, folderOnly: boolean): readonly (readonly string[])[] {
  const folder = `${path.posix.dirname(file)}/`;
  const isOther = (test: string) => /^(kit|systems)\/.*\.test\.ts$/.test(test) && !test.startsWith(folder);
  const near = [[...runTests, folder], compiler];
  return folderOnly ? near : [...near, [...runTests, ...listFiles().filter(isOther)]];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "20" },
    "folder-only": { type: "boolean", default: false },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
const files =
  positionals.length > 0
    ? positionals
    : listFiles().filter((file) => carryingGuarantees.some((pattern) => pattern.test(file)));
const copy = copyCheckout();
try {
  const checks = new Checks(copy);
  const survivors: string[] = [];
  const planted = sample(files, seed, count).toSorted((a, b) => a.file.localeCompare(b.file));
  for (const [at, { file, mutation }] of planted.entries()) {
    const text = readFileSync(path.join(root, file), "utf8");
    const line = text.slice(0, mutation.from).split("\n").length;
    let finder: string | undefined;
    for (const command of commandsFor(file, values["folder-only"])) {
      await checks.requireSuccess(command);
      writeFileSync(path.join(copy, file), mutated(text, mutation));
      finder = await checks.failureOf(command);
      writeFileSync(path.join(copy, file), text);
      if (finder !== undefined) break;
    }
    const what = `${file}:${String(line)} ${mutation.what}: ${(text.split("\n")[line - 1] ?? "").trim()}`;
    if (finder === undefined) survivors.push(what);
    console.log(`${String(at + 1)}/${String(planted.length)} ${finder === undefined ? "SURVIVED" : "found"} ${what}`);
    if (finder !== undefined) console.log(`    by ${finder}`);
  }
  console.log(
    `\n${String(planted.length - survivors.length)} of ${String(planted.length)} found (seed ${String(seed)}).`,
  );
  for (const survivor of survivors) console.log(`survived: ${survivor}`);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
