// `node scripts/sync-trace.ts`: traces the system calls of the platform for one request and shows that its data was synced to disk before its reply left.
// SIGKILL keeps the page cache, so that no crash of a process can show this.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { frontDoorOf } from "./children.ts";
import { root } from "./repository.ts";

/** Lines of `strace -f -y`, in the order of the kernel: the reply is a write that carries its status line. */
export function syncedBeforeReply(trace: readonly string[]): boolean {
  const reply = trace.findLastIndex((line) => /(write|writev|sendto|sendmsg)\(.*HTTP\/1\.1 201/.test(line));
  const asked = trace.findLastIndex(
    (line, at) => at < reply && /(read|recvfrom|recvmsg)\(.*POST \/customers/.test(line),
  );
  return (
    asked >= 0 &&
    trace
      .slice(asked, reply)
      .some((line) => /\b(fsync|fdatasync)\(\d+<[^>]*customers\.db-wal>/.test(line) && !line.includes("= -1"))
  );
}

async function main(): Promise<void> {
  if (spawnSync("strace", ["-V"]).status !== 0) {
    const required = process.env["HOLDFAST_REQUIRE_ENGINES"] === "1";
    console.log(`skipped: needs strace${required ? ", which is required here" : ""}`);
    if (required) process.exitCode = 1;
    return;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-sync-"));
  const file = path.join(folder, "trace");
  const calls = "trace=read,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync";
  const child = spawn(
    "strace",
    [
      "-f",
      "-y",
      "-s",
      "64",
      "-e",
      calls,
      "-o",
      file,
      process.execPath,
      path.join(root, "systems/main.ts"),
      "--port=0",
      "--service-port=0",
      `--data=${path.join(folder, "data")}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const url = await frontDoorOf(child);
    const reply = await fetch(`${url}/customers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "Ada", email: "ada@example.com" }),
    });
    if (reply.status !== 201) throw new Error(`the request was answered with ${String(reply.status)}`);
  } finally {
    const traced = Number(readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, "utf8").trim());
    process.kill(traced, "SIGTERM");
    await ended;
  }
  const trace = readFileSync(file, "utf8").split("\n");
  rmSync(folder, { recursive: true, force: true });
  const shown = syncedBeforeReply(trace);
  // The check is shown a trace without the syncs and must not be content.
  const blind = syncedBeforeReply(trace.filter((line) => !line.includes("sync(")));
  console.log(
    shown
      ? "the data was synced before the reply left"
      : "NO SYNC of customers.db-wal was seen between the request and its reply",
  );
  if (blind) console.log("the check is blind: it was content with a trace without a sync");
  if (!shown || blind) process.exitCode = 1;
}

await main();
