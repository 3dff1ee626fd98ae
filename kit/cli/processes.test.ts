import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync, copyFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";
import { until } from "../testing/index.ts";
import { freePorts } from "./fixtures/free-ports.ts";
import { dataFolder, RunningPlatform } from "./fixtures/run-platform.ts";

interface Row {
  readonly service: string;
  readonly pid?: number;
  readonly url: string;
}

const listening = async (port: number): Promise<Server> => {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
};

test("whatever a restart of one service meets, the platform and the other services stay up, the log says it, and it heals", async () => {
  await using data = await dataFolder();
  const node = path.join(data.path, "node");
  const there = () => {
    try {
      linkSync(process.execPath, node);
    } catch {
      copyFileSync(process.execPath, node); // Another file system.
    }
  };
  there();
  const args = ["--port=0", "--service-port=0", "--processes", `--data=${path.join(data.path, "data")}`];
  await using platform = new RunningPlatform(args, { node });
  await platform.ready();
  const table = path.join(data.path, "data/processes.json");
  // Proof: written by the platform.
  const rowOf = (name: string) =>
    (JSON.parse(readFileSync(table, "utf8")) as Row[]).find(({ service }) => service === name);
  const shelf = rowOf("shelf");
  const intake = rowOf("intake");
  assert.ok(shelf?.pid !== undefined && intake?.pid !== undefined);
  const answers = async (address: string) => (await platform.ask("GET", address)).status;
  const answersAgain = (address: string) => until(`${address} answers`, async () => (await answers(address)) === 200);

  // Where its table should be, there is a folder.
  rmSync(table);
  mkdirSync(path.join(table, "in the way"), { recursive: true });
  process.kill(intake.pid, "SIGKILL");
  await until("the log says why", () => /processes cannot be written.*\n.*EISDIR|ENOTEMPTY/.test(platform.said));
  assert.match(platform.said, /\[intake\] a service's process ended; it is started again .*signal=SIGKILL/);
  await answersAgain("/books");
  rmSync(table, { recursive: true });
  await until("the table is written again", () => platform.said.includes("the table of processes is written again"));

  // The program is gone, and meanwhile somebody else takes the port.
  unlinkSync(node);
  process.kill(shelf.pid, "SIGKILL");
  await until("the log says why", () =>
    /\[shelf\] .*it is started again failures=2.*\n.*spawn .* ENOENT/.test(platform.said),
  );
  assert.equal(await answers("/books"), 200);
  const thief = await listening(Number(new URL(shelf.url).port));
  there();
  await until("the child says why", () => platform.said.includes(`Port ${new URL(shelf.url).port} is in use`));
  assert.equal(await answers("/books"), 200);
  await once(thief.close(), "close");
  await answersAgain("/shelf");
  assert.equal(platform.code, undefined);
});

test("a port that is taken is named with its flag, in one process and in several, before anything starts", async (t) => {
  await using data = await dataFolder();
  const [port = 0] = await freePorts(1);
  const thief = await listening(port);
  t.after(() => thief.close());
  const ends = async (...args: readonly string[]) => {
    const platform = new RunningPlatform([`--data=${data.path}`, ...args]);
    assert.equal(await platform.ended(), 1);
    return platform.said.trim();
  };
  const said = await Promise.all([
    ends(`--port=${String(port)}`),
    ends(`--port=${String(port)}`, "--processes"),
    ends("--port=0", `--service-port=${String(port)}`),
  ]);
  const inUse = (of: string, flag: string) =>
    `Port ${String(port)}${of} is in use. Stop the other process or pass ${flag}=0.`;
  assert.deepEqual(said, [inUse("", "--port"), inUse("", "--port"), inUse(" (intake)", "--service-port")]);
});

test("with a process for each, a service that refuses to start ends the platform at once, with its sentence and without a process left", async () => {
  await using data = await dataFolder();
  writeFileSync(path.join(data.path, "intake.db"), "hello ".repeat(1_000));
  await using platform = new RunningPlatform(["--port=0", "--service-port=0", "--processes", `--data=${data.path}`]);
  assert.equal(await platform.ended(), 1);
  assert.match(
    platform.said,
    /intake\.db is not an SQLite database, or is damaged\. Restore it from a backup\.\nintake does not start/,
  );
});
