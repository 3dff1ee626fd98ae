// `node scripts/timings.ts`: how long a newcomer waits. Prints; a figure beyond its bound fails.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { exitOf } from "./children.ts";
import { root } from "./repository.ts";

interface Figure {
  readonly what: string;
  readonly seconds: number;
  readonly bound: number;
}
const figures: Figure[] = [];
const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-timings-"));
const clone = path.join(folder, "clone");
const data = path.join(folder, "data");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

async function timed(what: string, bound: number, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  figures.push({ what, seconds: (performance.now() - started) / 1000, bound });
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const code = await exitOf(spawn(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] }));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${String(code)}`);
}

/** `npm start` or `npm run dev` on free ports; resolves with its address when it says that it is ready. */
function start(command: "start" | "dev" = "start"): { readonly child: ChildProcess; readonly ready: Promise<string> } {
  const child = spawn(npm, ["run", command, "--silent", "--", "--port=0", "--service-port=0", `--data=${data}`], {
    cwd: clone,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const ready = new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const url = /front door\s+(http:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", (code) => reject(new Error(`npm run ${command} ended with ${String(code)}: ${text}`)));
  });
  return { child, ready };
}

async function firstRequest(url: string): Promise<void> {
  const reply = await fetch(`${url}/customers`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Ada", email: "ada@example.com" }),
  });
  if (reply.status !== 201) throw new Error(`The first request was answered with ${String(reply.status)}.`);
}

/** A terminal sends it to all processes of the command. */
function pressCtrlC({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGINT");
  } catch (error) {
    // It has ended already.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once("exit", resolve));

/** Saves a source three times under load; each time the new code must answer, and no request may fail. */
async function reload(url: string): Promise<void> {
  const source = path.join(clone, "systems/commerce/customers/contracts.ts");
  const text = readFileSync(source, "utf8");
  let asking = true;
  const ask = async () => {
    while (asking) await firstRequest(url);
  };
  const asked = Promise.all([ask(), ask()]);
  for (const word of ["one", "two", "three"]) {
    await timed("npm run dev: a save to its answer (1.5 s is the goal)", 3, async () => {
      writeFileSync(source, text.replace("Create a customer", `Create a customer, ${word}`));
      while (!(await (await fetch(`${url}/openapi.json`)).text()).includes(`Create a customer, ${word}`));
    });
  }
  asking = false;
  await asked;
}

try {
  await run("git", ["clone", "--quiet", root, clone], folder);
  const launched = performance.now();
  const first = start();
  await firstRequest(await first.ready);
  figures.push({
    what: "fresh clone: npm start to the first request answered",
    seconds: (performance.now() - launched) / 1000,
    // Most of it is the installation, and that is up to the registry.
    bound: 480,
  });
  await timed("Ctrl-C drains and ends it", 5, async () => {
    const gone = ended(first.child);
    pressCtrlC(first.child);
    await gone;
  });
  const second = start();
  await timed("a later start, ready (1.0 s is the goal)", 3, async () => {
    await second.ready;
  });
  await timed("Ctrl-C pressed twice ends it", 1, async () => {
    const gone = ended(second.child);
    pressCtrlC(second.child);
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    pressCtrlC(second.child);
    await gone;
  });
  const third = start("dev");
  try {
    await reload(await third.ready);
  } finally {
    const gone = ended(third.child);
    pressCtrlC(third.child);
    await gone;
  }
} finally {
  for (const { what, seconds, bound } of figures)
    console.log(`${what.padEnd(56)} ${seconds.toFixed(2).padStart(7)} s   (at most ${String(bound)} s)`);
  rmSync(folder, { recursive: true, force: true });
}
if (figures.some(({ seconds, bound }) => seconds > bound)) process.exitCode = 1;
