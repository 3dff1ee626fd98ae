// `node scripts/postgres.ts -- command [arguments]` runs a command beside a private PostgreSQL: own folder, own port on
// 127.0.0.1, gone afterwards. The command finds it in HOLDFAST_TEST_POSTGRES. Not for data that must last: fsync is off.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hash } from "node:crypto";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { catchSignals, exitOf, runCommand } from "./children.ts";
import { root } from "./repository.ts";

export interface PrivatePostgres extends AsyncDisposable {
  /** For the role `app`, which may do everything and create databases. */
  readonly url: string;
}

const prefix = "holdfast-postgres-";

/** The folder of `postgres`, `initdb` and `pg_isready`: POSTGRES_BIN, PATH, or where packages put them; the newest. */
export function findPostgres(): string | undefined {
  const packaged = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"].flatMap((parent) =>
    (existsSync(parent) ? readdirSync(parent) : [])
      .filter((name) => /^(\d+|postgresql@\d+|pgsql-\d+)$/.test(name))
      .sort((a, b) => Number(/\d+/.exec(b)?.[0]) - Number(/\d+/.exec(a)?.[0]))
      .map((name) => join(parent, name, "bin")),
  );
  const folders = [process.env["POSTGRES_BIN"] ?? "", ...(process.env["PATH"] ?? "").split(delimiter), ...packaged];
  const found = folders.find(
    (folder) => folder !== "" && existsSync(join(folder, "postgres")) && existsSync(join(folder, "initdb")),
  );
  // Beside the real `postgres` lie the other programs; on PATH there may be links to a few of them.
  return found === undefined ? undefined : dirname(realpathSync(join(found, "postgres")));
}

/** PostgreSQL refuses to run as root; the user that it runs as then. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string, user: string) => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  const user = spawnSync("id", ["postgres"]).status === 0 ? "postgres" : "nobody";
  return { uid: id("-u", user), gid: id("-g", user) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
};

/** Ends servers, and removes folders, of runs that were killed before they could clear up. */
export function sweepLeftovers(parent: string = tmpdir()): void {
  for (const name of readdirSync(parent)) {
    const owner = name.startsWith(prefix)
      ? Number(/^\d+/.exec(name.slice(prefix.length))?.[0] ?? Number.NaN)
      : Number.NaN;
    if (Number.isNaN(owner) || isAlive(owner)) continue;
    const folder = join(parent, name);
    try {
      const pid = Number(readFileSync(join(folder, "postgres.pid"), "utf8"));
      // The id may belong to another program by now: its command line must name this very folder.
      const commandLine = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
      if (pid > 0 && commandLine.includes(folder)) process.kill(pid, "SIGQUIT");
    } catch {
      // No pid file, no such process: nothing to end.
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The command that makes the kernel end the server with its parent, however that dies, where there is such a command (Linux).
 * It also drops privileges, which `spawn` otherwise does.
 */
function guarded(user: { uid: number; gid: number } | undefined): readonly string[] {
  if (process.platform !== "linux" || spawnSync("setpriv", ["--pdeathsig", "QUIT", "true"]).status !== 0) return [];
  const drop =
    user === undefined ? [] : [`--reuid=${String(user.uid)}`, `--regid=${String(user.gid)}`, "--clear-groups"];
  return ["setpriv", ...drop, "--pdeathsig", "QUIT"];
}

const initdb = ["-U", "app", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--wal-segsize=1"];

/** Of a server's programs and a user: where the checkout keeps a cluster that they made. */
function keptCluster(bin: string, user: { uid: number; gid: number } | undefined): string {
  const { size, mtimeMs } = statSync(join(bin, "postgres"));
  const name = hash("sha256", JSON.stringify([bin, size, mtimeMs, user, initdb]), "hex").slice(0, 16);
  return join(root, "node_modules/.cache/postgres", name);
}

/**
 * A new cluster in an empty folder. `initdb` takes a second of CPU for it, and copying what it made before a tenth: the first one is kept.
 * Copies have the owner and the modes that PostgreSQL insists on.
 */
function makeCluster(bin: string, data: string, user: { uid: number; gid: number } | undefined): void {
  const kept = keptCluster(bin, user);
  const copy = (from: string, to: string) => spawnSync("cp", ["-a", `${from}/.`, to]).status === 0;
  if (existsSync(kept) && copy(kept, data)) return;
  // What was copied half is in its way.
  for (const left of readdirSync(data)) rmSync(join(data, left), { recursive: true });
  execFileSync(join(bin, "initdb"), ["-D", data, ...initdb], {
    ...user,
    cwd: data,
    stdio: ["ignore", "ignore", "pipe"],
  });
  // What made no cluster was no `initdb`.
  if (!existsSync(join(data, "PG_VERSION"))) return;
  try {
    mkdirSync(dirname(kept), { recursive: true });
    const half = mkdtempSync(`${kept}-`);
    try {
      if (copy(data, half) && !existsSync(kept)) renameSync(half, kept);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  } catch {
    // The checkout cannot be written to, or somebody else was first.
  }
}

/** @throws when the server is not ready within 30 seconds; the error carries the end of its log. */
export async function startPostgres(bin: string): Promise<PrivatePostgres> {
  sweepLeftovers();
  const user = unprivilegedUser();
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${String(process.pid)}-`));
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) for (const each of [folder, data]) chownSync(each, user.uid, user.gid);
  const clearUp = () => rmSync(folder, { recursive: true, force: true });
  try {
    makeCluster(bin, data, user);
    const port = await freePort();
    const settings = [
      "fsync=off",
      "synchronous_commit=off",
      "full_page_writes=off",
      "max_connections=200",
      "wal_level=logical",
    ];
    const [program, ...args] = [
      ...guarded(user),
      join(bin, "postgres"),
      "-D",
      data,
      "-p",
      String(port),
      "-h",
      "127.0.0.1",
      "-k",
      folder,
      ...settings.flatMap((setting) => ["-c", setting]),
    ];
    const log = openSync(join(folder, "log"), "a");
    const dropped = program === "setpriv" ? {} : user;
    const server = spawn(program ?? "", args, { ...dropped, cwd: data, stdio: ["ignore", log, log] });
    closeSync(log);
    // That it could not be spawned shows as a missing pid.
    const ended = exitOf(server).catch(() => 1);
    writeFileSync(join(folder, "postgres.pid"), String(server.pid ?? ""));
    const stop = async () => {
      server.kill("SIGQUIT");
      await ended;
      clearUp();
    };
    const deadline = performance.now() + 30_000;
    const ready = () =>
      spawnSync(join(bin, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(port), "-U", "app"]).status === 0;
    while (!ready()) {
      if (
        server.pid === undefined ||
        server.exitCode !== null ||
        server.signalCode !== null ||
        performance.now() > deadline
      ) {
        const tail = readFileSync(join(folder, "log"), "utf8").slice(-2000);
        await stop();
        // It may not have been on disk whole when the machine went down.
        rmSync(keptCluster(bin, user), { recursive: true, force: true });
        throw new Error(`PostgreSQL in ${bin} did not become ready:\n${tail}`);
      }
      await pause(25);
    }
    return { url: `postgres://app@127.0.0.1:${String(port)}/postgres`, [Symbol.asyncDispose]: stop };
  } catch (error) {
    clearUp();
    throw error;
  }
}

/**
 * Runs a command with HOLDFAST_TEST_POSTGRES set: to the server that this variable names already, else to a private one.
 * Without PostgreSQL on the machine the command runs without, unless HOLDFAST_REQUIRE_ENGINES=1 makes that an error.
 * Resolves to the exit code.
 */
export async function runWithPostgres(command: string, args: readonly string[]): Promise<number> {
  if (process.env["HOLDFAST_TEST_POSTGRES"]) return await runCommand(command, args, process.env);
  const bin = findPostgres();
  if (bin === undefined) {
    if (process.env["HOLDFAST_REQUIRE_ENGINES"] === "1")
      throw new Error("HOLDFAST_REQUIRE_ENGINES=1, and there is no PostgreSQL");
    console.log("No PostgreSQL on this machine: what needs it is skipped. `apt-get install postgresql` brings it.");
    return await runCommand(command, args, process.env);
  }
  let interrupted: string | undefined;
  using _ = catchSignals((signal) => (interrupted = signal));
  await using postgres = await startPostgres(bin);
  if (interrupted !== undefined) return 130;
  return await runCommand(command, args, { ...process.env, HOLDFAST_TEST_POSTGRES: postgres.url });
}

if (import.meta.main) {
  const [separator, command, ...args] = process.argv.slice(2);
  if (separator !== "--" || command === undefined) {
    console.error("Usage: node scripts/postgres.ts -- command [arguments]");
    process.exit(1);
  }
  process.exitCode = await runWithPostgres(command, args);
}
