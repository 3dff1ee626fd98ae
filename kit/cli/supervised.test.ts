import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { memoryLogger } from "../telemetry/index.ts";
import { until } from "../testing/index.ts";
import { dataFolder } from "./fixtures/run-platform.ts";
import { Supervised } from "./supervised.ts";

/** `hang`: never says that it is ready. `deaf`: lives on without its channel. */
const program = `
import { appendFileSync } from "node:fs";
const [how, report] = process.argv.slice(2);
process.on("message", ({ ping }) => {
  appendFileSync(report, "ping\\n");
  process.send({ pong: ping });
});
process.on("disconnect", () => how === "deaf" || process.exit());
setInterval(() => {}, 1_000);
if (how !== "hang") process.send({ ready: { url: "http://127.0.0.1:7", port: 7 } });
if (how === "deaf") process.disconnect();
`;

async function begin(folder: string, hows: readonly string[]) {
  const entry = path.join(folder, "child.mjs");
  const report = path.join(folder, "report");
  writeFileSync(entry, program);
  writeFileSync(report, "");
  const runtime = controlledRuntime();
  const log = memoryLogger();
  const ports: number[] = [];
  const one = new Supervised({
    name: "one",
    port: 0,
    fork: (port) => {
      ports.push(port);
      return { entry, args: [hows[ports.length - 1] ?? "well", report], env: process.env };
    },
    runtime,
    log,
    onChange: () => rig.onChange(),
  });
  const rig = {
    one,
    onChange: (): unknown => undefined,
    runtime,
    ports,
    pings: () => readFileSync(report, "utf8").split("\n").length - 1,
    said: () => log.entries.map(({ event }) => event),
    /** Until it has ended and runs again, which takes less than 0.1 s for the first time. */
    async restarted(pid: number | undefined, ms: number) {
      await runtime.advance(ms);
      await until("it runs again", () => one.pid !== undefined && one.pid !== pid);
    },
    [Symbol.asyncDispose]: () => one.stop(0),
  };
  return rig;
}

test("a process that hangs at its start is ended and started again", async () => {
  await using data = await dataFolder();
  await using rig = await begin(data.path, ["hang"]);
  const { pid } = rig.one;
  await rig.restarted(pid, 30_000);
  await rig.one.ready;
  assert.deepEqual(rig.said(), [
    "a service's process is not ready in time; it is ended",
    "a service's process ended; it is started again",
  ]);
});

test("a process that is stopped (SIGSTOP) is ended and started again at its port; one that answers is left alone", async () => {
  await using data = await dataFolder();
  await using rig = await begin(data.path, []);
  await rig.one.ready;
  const { pid } = rig.one;
  for (let n = 1; n <= 8; n += 1) {
    await rig.runtime.advance(5_000);
    await until("it is asked", () => rig.pings() === n);
  }
  assert.deepEqual([rig.one.pid, rig.said()], [pid, []]);
  process.kill(pid ?? 0, "SIGSTOP");
  assert.equal(rig.one.url, "http://127.0.0.1:7");
  let whileDown: string | undefined = "never asked";
  rig.onChange = () => (whileDown = rig.one.pid === undefined ? rig.one.url : whileDown);
  await rig.restarted(pid, 30_000);
  assert.equal(whileDown, undefined, "while it is down nobody is sent to its port, which somebody else may take");
  assert.deepEqual(rig.said(), [
    "a service's process does not answer; it is ended",
    "a service's process ended; it is started again",
  ]);
  assert.deepEqual(rig.ports, [0, 7]);
});

test("a process that has lost its channel is ended and started again", async () => {
  await using data = await dataFolder();
  await using rig = await begin(data.path, ["deaf"]);
  await rig.one.ready;
  await rig.restarted(rig.one.pid, 30_000);
  assert.equal(rig.said()[0], "a service's process does not answer; it is ended");
});
