// `npm run mutate -- --seed 1 --count 60 [files…]`: plants one small fault at a time in a copy of the checkout, and lists those that neither the compiler nor
// a test finds. Without files: those that carry guarantees. The tests of a file's folder run first, the others only when those find nothing.
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

const limitMs = 240_000;

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

/** Whether the command succeeds in time; a mutation that makes it hang is found. */
async function succeeds(copy: string, command: readonly string[]): Promise<boolean> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd: copy, stdio: "ignore", detached: true });
  const stop = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  using _ = catchSignals((signal) => {
    stop();
    process.kill(process.pid, signal);
  });
  const timer = setTimeout(stop, limitMs);
  try {
    return (await exitOf(child)) === 0;
  } finally {
    clearTimeout(timer);
    stop();
  }
}

async function finds(copy: string, file: string): Promise<string | undefined> {
  const tests = ["node", "scripts/run-tests.ts"];
  if (!(await succeeds(copy, ["tsc", "-p", ".", "--checkers", "1"]))) return "compiler";
  if (!(await succeeds(copy, [...tests, `${path.posix.dirname(file)}/`]))) return "tests of its folder";
  return (await succeeds(copy, [...tests, "kit/", "systems/"])) ? undefined : "other tests";
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string", default: "1" }, count: { type: "string", default: "20" } },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
const files =
  positionals.length > 0
    ? positionals
    : listFiles().filter((file) => carryingGuarantees.some((pattern) => pattern.test(file)));
const copy = copyCheckout();
try {
  const [first = ""] = files;
  const broken = await finds(copy, first);
  if (broken !== undefined) throw new Error(`The ${broken} complain without any fault planted.`);
  const survivors: string[] = [];
  const planted = sample(files, seed, count);
  for (const [at, { file, mutation }] of planted.entries()) {
    const text = readFileSync(path.join(root, file), "utf8");
    const line = text.slice(0, mutation.from).split("\n").length;
    writeFileSync(path.join(copy, file), mutated(text, mutation));
    const finder = await finds(copy, file);
    writeFileSync(path.join(copy, file), text);
    const what = `${file}:${String(line)} ${mutation.what}: ${(text.split("\n")[line - 1] ?? "").trim()}`;
    if (finder === undefined) survivors.push(what);
    console.log(`${String(at + 1)}/${String(planted.length)} ${finder ?? "SURVIVED"} ${what}`);
  }
  console.log(
    `\n${String(planted.length - survivors.length)} of ${String(planted.length)} found (seed ${String(seed)}).`,
  );
  for (const survivor of survivors) console.log(`survived: ${survivor}`);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
