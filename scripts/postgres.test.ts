import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exitOf } from "./children.ts";
import { findPostgres, startPostgres, sweepLeftovers } from "./postgres.ts";
import { root } from "./repository.ts";

const bin = findPostgres();
const skip = bin === undefined ? "needs PostgreSQL's binaries" : false;
const foldersOf = (pid: number | undefined) =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`holdfast-postgres-${String(pid)}-`));

const answers = (url: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });

/** `node scripts/postgres.ts -- node -e program`, without a server given from outside. */
function runBeside(program: string) {
  const env = { ...process.env, HOLDFAST_TEST_POSTGRES: undefined };
  return spawn(process.execPath, ["scripts/postgres.ts", "--", process.execPath, "-e", program], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("a private server answers, and is gone with its folder afterwards", { skip }, async () => {
  let url = "";
  {
    await using server = await startPostgres(bin ?? "");
    url = server.url;
    assert.ok(await answers(url));
    assert.equal(foldersOf(process.pid).length, 1);
  }
  assert.equal(await answers(url), false);
  assert.deepEqual(foldersOf(process.pid), []);
});

test("a server that cannot start is an error with its log, and leaves no folder", { skip }, async () => {
  const broken = mkdtempSync(join(tmpdir(), "holdfast-broken-"));
  try {
    chmodSync(broken, 0o755);
    writeFileSync(join(broken, "initdb"), "#!/bin/sh\n", { mode: 0o755 });
    for (const name of ["postgres", "pg_isready"]) {
      writeFileSync(join(broken, name), "#!/bin/sh\necho no luck\nexit 3\n", { mode: 0o755 });
    }
    await assert.rejects(startPostgres(broken), /no luck/);
    assert.deepEqual(foldersOf(process.pid), []);
  } finally {
    rmSync(broken, { recursive: true, force: true });
  }
});

test("the command is told the address, and its exit code is passed on", { skip }, async () => {
  const child = runBeside(`console.log(process.env.HOLDFAST_TEST_POSTGRES); process.exit(5);`);
  const lines: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  assert.equal(await exitOf(child), 5);
  assert.match(lines.join(""), /^postgres:\/\/app@127\.0\.0\.1:\d+\/postgres\n$/);
  assert.deepEqual(foldersOf(child.pid), []);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends the command, then the server`, { skip }, async () => {
    const child = runBeside("console.log(process.env.HOLDFAST_TEST_POSTGRES); setInterval(() => {}, 1000);");
    const url = await new Promise<string>((resolve) =>
      child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())),
    );
    child.kill(signal);
    assert.equal(await exitOf(child), signal === "SIGTERM" ? 143 : 130);
    assert.equal(await answers(url), false);
    assert.deepEqual(foldersOf(child.pid), []);
  });
}

const onLinux = process.platform === "linux" ? skip : "only Linux ends a process with its parent";
test("kill -9 of the run ends the server too", { skip: onLinux }, async () => {
  const child = runBeside("console.log(process.env.HOLDFAST_TEST_POSTGRES, process.pid); setInterval(() => {}, 1000);");
  const line = await new Promise<string>((resolve) =>
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())),
  );
  const [url = "", pid] = line.split(" ");
  child.kill("SIGKILL");
  process.kill(Number(pid), "SIGKILL");
  await exitOf(child);
  const deadline = performance.now() + 10_000;
  while (await answers(url)) assert.ok(performance.now() < deadline, "the server still answers after 10 s");
  sweepLeftovers();
  assert.deepEqual(foldersOf(child.pid), []);
});

test("what a killed run left is swept away, what lives is not", { skip }, () => {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-sweep-"));
  try {
    // No process has this id: Linux and macOS give none above 2 ** 22.
    for (const name of ["holdfast-postgres-4194999-abc", `holdfast-postgres-${String(process.pid)}-abc`, "other"])
      mkdirSync(join(parent, name));
    sweepLeftovers(parent);
    assert.deepEqual(readdirSync(parent).sort(), [`holdfast-postgres-${String(process.pid)}-abc`, "other"].sort());
    assert.ok(existsSync(parent));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
