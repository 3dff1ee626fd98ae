// `node scripts/new-project.ts [--node <binary>]`: what a newcomer does who has nothing but the packed kit: makes a project with npx, installs, tests and
// type-checks it, starts it in one process, in several, and for development, sends a request and sees what the other service made of the event.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { frontDoorOf } from "./children.ts";
import { must, npxIn, packKit, strangersEnv } from "./packed.ts";

const waitMs = 20_000;
const { values } = parseArgs({ options: { node: { type: "string", default: process.execPath } } });
const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-newcomer-"));
const project = path.join(folder, "my-shop");
const env = { ...strangersEnv(values.node), ...npxIn(folder) };

/** Runs a script on free ports and gives its address to the work; then Ctrl-C, which must end it in good order. */
async function whileItRuns(script: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
  const [name = "", ...flags] = script;
  const args = ["run", "--silent", name, "--", "--port=0", "--service-port=0", ...flags];
  const child = spawn("npm", args, { cwd: project, env, stdio: ["ignore", "pipe", "inherit"], detached: true });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // npm may end before the platform does, which holds the stream until it has drained.
  const closed = once(child, "close");
  try {
    await work(await frontDoorOf(child));
    // A terminal sends Ctrl-C to all processes of the command.
    signal(child, "SIGINT");
    await closed;
  } finally {
    if (!child.stdout.closed) signal(child, "SIGKILL");
  }
  if (!said.includes("Stopping: ")) throw new Error(`npm run ${name} did not heed Ctrl-C; it said:\n${said}`);
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, name);
}

async function takeNote(url: string, text: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ topic: "garden", text });
  const reply = await fetch(`${url}/notes`, { method: "POST", headers, body });
  if (reply.status !== 201) throw new Error(`a note was answered with ${String(reply.status)}: ${await reply.text()}`);
}

/** Waits until the other service tells this. */
async function counted(url: string, wanted: string): Promise<void> {
  const end = performance.now() + waitMs;
  for (;;) {
    const told = await (await fetch(`${url}/topics/garden`)).text();
    if (told === wanted) return;
    if (performance.now() > end) throw new Error(`the topic should be ${wanted}, and is ${told}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

const began = performance.now();
try {
  const { tarball } = packKit(folder);
  const here = { cwd: folder, env };
  const there = { cwd: project, env };
  must(
    "npx holdfast new project",
    "npx",
    ["--yes", "--package", tarball, "holdfast", "new", "project", "my-shop"],
    here,
  );
  const manifest = readFileSync(path.join(project, "package.json"), "utf8");
  if (!manifest.includes(`"file:../${path.basename(tarball)}"`))
    throw new Error(`the project does not depend on the kit that made it:\n${manifest}`);
  must("npm install", "npm", ["install"], there);
  const tests = must("npm test", "npm", ["test", "--silent"], there);
  if (!/^(# |ℹ )pass [1-9]/m.test(tests)) throw new Error(`npm test ran nothing:\n${tests}`);
  must("npm run typecheck", "npm", ["run", "typecheck"], there);
  await whileItRuns(["start"], async (url) => {
    await takeNote(url, "Water the roses");
    await counted(url, '{"topic":"garden","notes":1,"latest":"Water the roses"}');
  });
  await whileItRuns(["start", "--processes"], async (url) => {
    await takeNote(url, "Cut the hedge");
    await counted(url, '{"topic":"garden","notes":2,"latest":"Cut the hedge"}');
  });
  await whileItRuns(["dev"], async (url) => {
    const file = path.join(project, "topics/topic-store.ts");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("return row;", "return { ...row, latest: `${row.latest}!` };"),
    );
    await counted(url, '{"topic":"garden","notes":2,"latest":"Cut the hedge!"}');
  });
  const version = must("node", values.node, ["--version"], here).trim();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`a new project from the packed kit: made, tested, type-checked and run on ${version} in ${seconds} s`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
