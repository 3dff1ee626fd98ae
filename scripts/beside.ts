// A command that runs beside a server, which is gone afterwards: what the scripts that start such servers share.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { catchSignals, exitOf, runCommand } from "./children.ts";

/** Of 127.0.0.1; nobody keeps it. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Resolves when its first words are out, and the kernel ends it with this process where there is `setpriv`. */
export async function startServer(command: readonly string[], cwd: string): Promise<ChildProcess> {
  const guarded =
    process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0
      ? ["setpriv", "--pdeathsig", "KILL", ...command]
      : command;
  const [program = "", ...args] = guarded;
  const server = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    server.stdout.once("data", () => resolve());
    server.once("exit", (code) => reject(new Error(`The server ended with ${String(code)}.`)));
    server.once("error", reject);
  });
  server.stdout.resume();
  return server;
}

/** The command of `-- command [arguments]`; ends the process where there is none. */
export function commandOf(script: string): readonly [string, ...string[]] {
  const [separator, command, ...args] = process.argv.slice(2);
  if (separator === "--" && command !== undefined) return [command, ...args];
  console.error(`Usage: node scripts/${script} -- command [arguments]`);
  process.exit(1);
}

/** The exit code of the command, to which `env` is given besides ours. */
export async function runBeside(
  server: ChildProcess,
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const ended = exitOf(server).catch(() => 1);
  using _ = catchSignals(() => {});
  try {
    return await runCommand(command, args, { ...process.env, ...env });
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}
