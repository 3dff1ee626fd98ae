import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { until } from "../testing/index.ts";

test("what handlers quote of bodies, queries, headers and messages stands on no console and in no log file; what is loggable does", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-quoting-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const running = fork(
    path.join(import.meta.dirname, "fixtures/quoting.ts"),
    ["--port=0", "--service-port=0", "--log-level=debug", `--data=${data}`],
    { stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  const ended = once(running, "exit");
  t.after(() => void running.kill("SIGKILL"));
  let console = "";
  for (const stream of [running.stdout, running.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (console += text));
  const urlOf = () => /front door\s+(http:\S+)/.exec(console)?.[1];
  await until("it is ready", () => urlOf() !== undefined);
  const ask = (address: string, key: string) =>
    fetch(`${urlOf() ?? ""}${address}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-mood": "canary-header",
        ...(address.startsWith("/failures") ? { "idempotency-key": "canary-key" } : {}),
      },
      body: JSON.stringify({ key, words: 'canary "body"' }),
    });
  assert.equal((await ask("/failures?search=canary-query", "shown-0")).status, 500);
  assert.equal((await ask("/sayings", "shown-1")).status, 200);
  await until("message and job are dead", () => console.split("message is dead").length === 3);
  running.kill("SIGTERM");
  await ended;
  const logs = path.join(data, "logs");
  const files = await readdir(logs);
  assert.deepEqual(files.toSorted(), ["quoting.log", "quoting_errors.log"]);
  const written = await Promise.all(files.map((file) => readFile(path.join(logs, file), "utf8")));
  for (const text of [console, ...written]) {
    assert.ok(!text.includes("canary"), text);
    assert.match(text, /it is \(withheld\), of shown-0, \(withheld\) \(withheld\)/);
    assert.match(text, /heard \(withheld\) of shown-1/);
    assert.match(text, /repeated \(withheld\) of shown-1/);
  }
});
