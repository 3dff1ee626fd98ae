import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { intake, shelf } from "./fixtures/library.ts";
import { dataFolder, RunningPlatform } from "./fixtures/run-platform.ts";
import { startPlatform } from "./platform.ts";

const start = async (data: string) => {
  const args = ["--port=0", "--service-port=0", "--log-level=error", `--data=${data}`];
  const platform = await startPlatform({ systems: { library: [intake, shelf] }, args, env: {} });
  await platform.stop(1_000);
};
const modes = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => {
      const { mode } = statSync(path.join(folder, file));
      return `${file} ${(mode & 0o777).toString(8)} ${String(statSync(path.join(folder, file)).isDirectory())}`;
    })
    .filter((line) => !line.endsWith(" 600 false") && !line.endsWith(" 700 true"));

test("whatever the umask, the data folder and all in it are their owner's alone; one that was open to others is closed, and said once", async () => {
  await using home = await dataFolder();
  const data = path.join(home.path, "data");
  const run = async (check: () => void) => {
    const umask = process.umask(0);
    try {
      await using platform = new RunningPlatform(["--port=0", "--service-port=0", `--data=${data}`]);
      await platform.ready();
      await platform.ask("POST", "/books", { title: "one" });
      check();
      return platform;
    } finally {
      process.umask(umask);
    }
  };
  const first = await run(() => assert.deepEqual(modes(home.path), []));
  assert.doesNotMatch(first.said, /other users/);
  chmodSync(data, 0o755);
  for (const file of readdirSync(data)) chmodSync(path.join(data, file), file.includes(".") ? 0o644 : 0o755);
  const second = await run(() => assert.deepEqual(modes(home.path), []));
  assert.equal(second.said.split("other users could use the data folder").length, 2);
});

test("a folder that holds other things keeps its mode; what the platform puts there is its owner's alone", async () => {
  await using data = await dataFolder();
  chmodSync(data.path, 0o755);
  writeFileSync(path.join(data.path, "notes.txt"), "mine", { mode: 0o644 });
  await start(data.path);
  assert.equal(statSync(data.path).mode & 0o777, 0o755);
  assert.deepEqual(modes(data.path), ["notes.txt 644 false"]);
});

test("what cannot be used at start is named, with what to do, in one sentence", async () => {
  await using data = await dataFolder();
  await start(data.path);
  for (const name of ["intake.db", "shelf.db", "broker.db"]) {
    const file = path.join(data.path, name);
    const whole = readFileSync(file);
    const faults: readonly (readonly [() => void, string])[] = [
      [
        () => writeFileSync(file, Buffer.alloc(whole.length)),
        "is not an SQLite database, or is damaged. Restore it from a backup.",
      ],
      [
        () => writeFileSync(file, "hello ".repeat(1_000)),
        "is not an SQLite database, or is damaged. Restore it from a backup.",
      ],
      [() => truncateSync(file, 4_096), "is damaged (database disk image is malformed). Restore it from a backup."],
      [() => (rmSync(file), mkdirSync(file)), "cannot be opened: it is a folder. Move it away."],
    ];
    for (const [fault, text] of faults) {
      fault();
      await assert.rejects(start(data.path), ({ message }: Error) => {
        assert.ok(message.endsWith(`${file} ${text}`), message);
        return true;
      });
      rmSync(file, { recursive: true });
      for (const beside of ["-wal", "-shm"]) rmSync(`${file}${beside}`, { force: true });
      writeFileSync(file, whole);
    }
  }
  await start(data.path);
  rmSync(path.join(data.path, "broker.db"));
  await assert.rejects(
    start(data.path),
    /broker\.db is missing, but this data folder .*delete .*stores\/broker\.sqlite/,
  );
});

test("a data folder that cannot be one is named, with what to do; the process ends with 1, without a stack", async () => {
  await using home = await dataFolder();
  const file = path.join(home.path, "file");
  writeFileSync(file, "");
  for (const data of [file, path.join(file, "below")]) {
    await assert.rejects(start(data), {
      message: new RegExp(`^The data folder ${data} cannot be used: it is a file, .* Or pass --data=`),
    });
  }
  const platform = new RunningPlatform(["--port=0", `--data=${file}`]);
  assert.equal(await platform.ended(), 1);
  assert.equal(platform.said.trim().split("\n").length, 1, platform.said);
});

const root = process.platform === "linux" && process.getuid?.() === 0;
test(
  "files of another user, and a read-only volume, are named",
  { skip: root ? false : "only root on Linux can mount a volume" },
  async (t) => {
    await using data = await dataFolder();
    if (spawnSync("mount", ["-t", "tmpfs", "tmpfs", data.path]).status !== 0) {
      t.skip("a volume cannot be mounted here");
      return;
    }
    try {
      await start(data.path);
      assert.equal(spawnSync("mount", ["-o", "remount,ro", data.path]).status, 0);
      await assert.rejects(start(data.path), {
        message: /cannot be used: its file system is read-only\. Mount it for writing/,
      });
    } finally {
      spawnSync("umount", ["--lazy", data.path]);
    }
  },
);
