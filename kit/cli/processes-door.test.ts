import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { until } from "../testing/index.ts";
import { dataFolder, RunningPlatform } from "./fixtures/run-platform.ts";

const entry = path.join(import.meta.dirname, "fixtures/two-services.ts");
const all = Object.values(os.networkInterfaces()).flatMap((addresses) => addresses ?? []);
const skip = all.some(({ address }) => address === "::1") ? false : "needs IPv6";

test(
  "with --processes on an IPv6 address, the front door reaches services, also after a restart, and a lost reply is no refusal",
  { skip },
  async () => {
    await using data = await dataFolder();
    const args = ["one", "two", "--host=[::1]", "--port=0", "--service-port=0", "--processes", `--data=${data.path}`];
    await using platform = new RunningPlatform(args, { entry });
    await platform.ready();
    const { url } = platform;
    assert.match(url, /^http:\/\/\[::1\]:\d+$/);
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
      const log = await readFile(path.join(data.path, "logs/holdfast.log"), "utf8");
      return log
        .split("\n")
        .some((line) => line.includes("kit/outcome-unknown") && line.includes('"requestId":"lost"'));
    });
  },
);
