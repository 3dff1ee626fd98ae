import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { until } from "../testing/index.ts";

const entry = path.join(import.meta.dirname, "fixtures/two-services.ts");
const all = Object.values(os.networkInterfaces()).flatMap((addresses) => addresses ?? []);
const skip = all.some(({ address }) => address === "::1") ? false : "needs IPv6";

test(
  "with --processes on an IPv6 address, the front door reaches services, also after a restart, and a lost reply is no refusal",
  { skip },
  async (context) => {
    const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-door-"));
    const args = ["one", "two", "--host=[::1]", "--port=0", "--service-port=0", "--processes", `--data=${data}`];
    const running = spawn(process.execPath, [entry, ...args], {
      env: { ...process.env, NODE_COMPILE_CACHE: path.join(import.meta.dirname, "../../node_modules/.cache/node") },
      stdio: ["ignore", "pipe", "inherit"],
    });
    context.after(async () => {
      const ended = once(running, "exit");
      running.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true, force: true });
    });
    let said = "";
    running.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until("it is ready", () => said.includes("docs"));
    const [, url = ""] = /front door +(http:\/\/\[::1\]:\d+)\n/.exec(said) ?? [];
    const ask = async (method: string, address: string) => {
      const reply = await fetch(`${url}${address}`, { method, headers: { "x-request-id": "lost" } });
      // Proof: the platform answers with objects.
      return [reply.status, (await reply.json()) as Record<string, unknown>] as const;
    };
    assert.equal((await ask("GET", "/health"))[0], 200);
    assert.deepEqual(await ask("GET", "/one"), [200, { name: "one" }]);
    const [status, { code, retryable }] = await ask("POST", "/one/crash");
    assert.deepEqual([status, code, retryable], [503, "kit/outcome-unknown", false]);
    await until("it answers again", async () => (await ask("GET", "/one"))[0] === 200);
    assert.deepEqual(await ask("GET", "/two"), [200, { name: "two" }]);
    await until("the lost reply is logged", async () => {
      const log = await readFile(path.join(data, "logs/holdfast.log"), "utf8");
      return log
        .split("\n")
        .some((line) => line.includes("kit/outcome-unknown") && line.includes('"requestId":"lost"'));
    });
  },
);
