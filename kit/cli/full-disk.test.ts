import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { until } from "../testing/index.ts";
import { dataFolder, RunningPlatform } from "./fixtures/run-platform.ts";

interface Disk {
  fill(): void;
  makeRoom(): void;
}

async function begin(data: string): Promise<RunningPlatform> {
  const platform = new RunningPlatform(["--port=0", "--service-port=0", `--data=${data}`]);
  await platform.ready();
  return platform;
}

/** `ulimit -f`, of a process that runs. */
function limit({ process: { pid } }: RunningPlatform, bytes: string): void {
  const args = ["--pid", String(pid), `--fsize=${bytes}:unlimited`];
  const { status, stderr } = spawnSync("prlimit", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function fill(ballast: string): void {
  const fd = openSync(ballast, "a");
  try {
    for (;;) writeSync(fd, Buffer.alloc(4_096));
  } catch (error) {
    assert.equal(Reflect.get(error ?? {}, "code"), "ENOSPC");
  } finally {
    closeSync(fd);
  }
}

async function staysUp(platform: RunningPlatform, disk: Disk): Promise<void> {
  const taken: string[] = [];
  const take = async (title: string) => {
    const { status, body } = await platform.ask("POST", "/books", { title });
    if (status === 201) taken.push(title);
    return { status, code: body["code"] };
  };
  const titles = async (of: string) => (await platform.ask("GET", of)).body["titles"];
  assert.equal((await take("before")).status, 201);
  await until("the shelf has it", async () => String(await titles("/shelf")) === "before");

  disk.fill();
  const refused: unknown[] = [];
  for (let n = 0; refused.length < 3; n += 1) {
    assert.ok(n < 200, "the disk was never full");
    const answer = await take(`during ${String(n).padStart(3, "0")} ${"x".repeat(5_000)}`);
    if (answer.status !== 201) refused.push(answer);
  }
  const unavailable = { status: 503, code: "kit/unavailable" };
  assert.deepEqual(refused, [unavailable, unavailable, unavailable]);
  await until("documents are refused, too", async () => (await platform.ask("PUT", "/shelf/now")).status === 503);
  assert.deepEqual(await titles("/books"), taken.toSorted());
  for (const page of ["/health/live", "/docs", "/metrics"]) assert.equal((await platform.ask("GET", page)).status, 200);
  await until("readiness says so", async () => {
    const { status, body } = await platform.ask("GET", "/health/ready");
    return status === 503 && /intake\.db cannot be written: .*(disk is full|ulimit -f)/.test(JSON.stringify(body));
  });

  disk.makeRoom();
  await until("it takes books again", async () => (await take(`after ${String(taken.length)}`)).status === 201);
  await until("it is ready again", async () => (await platform.ask("GET", "/health/ready")).status === 200);
  await until("every book is on the shelf, once", async () => {
    const found = await titles("/shelf");
    return Array.isArray(found) && found.filter((title) => title !== "now").join() === taken.toSorted().join();
  });
  assert.deepEqual(await titles("/books"), taken.toSorted());
  assert.match(platform.said, /critical.*the store cannot be used/);
  assert.match(platform.said, /the store can be used again/);
  assert.equal(platform.code, undefined);
}

const prlimit = spawnSync("prlimit", ["--version"]).status === 0;
const root = process.platform === "linux" && process.getuid?.() === 0;
void describe("no room", { concurrency: true }, () => {
  void test(
    "where files may not grow (ulimit -f), writes are unavailable and reads go on; with room again nothing is lost or doubled",
    { skip: prlimit ? false : "there is no prlimit (util-linux)" },
    async () => {
      await using data = await dataFolder();
      await using platform = await begin(data.path);
      await staysUp(platform, {
        fill: () => limit(platform, "1024"),
        makeRoom: () => limit(platform, "unlimited"),
      });
    },
  );

  void test(
    "on a full disk writes are unavailable and reads go on; with room again nothing is lost or doubled; it starts for reads",
    { skip: root ? false : "only root on Linux can mount a small disk" },
    async (t) => {
      await using data = await dataFolder();
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", data.path], { encoding: "utf8" });
      if (mounted.status !== 0) {
        t.skip(`a small disk cannot be mounted: ${mounted.stderr.trim()}`);
        return;
      }
      const ballast = path.join(data.path, "ballast");
      try {
        {
          await using platform = await begin(data.path);
          await staysUp(platform, { fill: () => fill(ballast), makeRoom: () => rmSync(ballast) });
          fill(ballast);
          platform.process.kill("SIGKILL");
          await platform.ended();
        }
        await using again = await begin(data.path);
        assert.equal((await again.ask("GET", "/books")).status, 200);
        assert.equal((await again.ask("POST", "/books", { title: "again" })).status, 503);
        rmSync(ballast);
        await until(
          "it takes books",
          async () => (await again.ask("POST", "/books", { title: "again" })).status === 201,
        );
      } finally {
        spawnSync("umount", ["--lazy", data.path]);
      }
    },
  );
});
