// Child processes that do not outlive their parent, and exit codes as a shell gives them.
import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";

const passedOn = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type PassedOn = (typeof passedOn)[number];

/** Resolves to the exit code, or to 128 + n when signal n ended the child. Rejects when it could not be started. */
export function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/**
 * While it lives, signals do not end this process at once: `onSignal` learns of them, and of the parent's death as SIGTERM
 * (the parent started us with an IPC channel). So that `finally` blocks run.
 */
export function catchSignals(onSignal: (signal: PassedOn) => void): Disposable {
  const handlers = passedOn.map((signal) => [signal, () => onSignal(signal)] as const);
  const orphaned = () => onSignal("SIGTERM");
  for (const [signal, handler] of handlers) process.on(signal, handler);
  if (process.connected) process.on("disconnect", orphaned);
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) process.off(signal, handler);
      process.off("disconnect", orphaned);
      if (process.connected) process.channel?.unref();
    },
  };
}

/** Runs a command in the foreground; signals that reach this process are passed on to it. Resolves to its exit code. */
export async function runCommand(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", env });
  using _ = catchSignals((signal) => child.kill(signal));
  return await exitOf(child);
}

/** The address of a platform's front door, once it says that it is ready; rejects with what it said when it ends before. Its standard output is piped. */
export const frontDoorOf = async (platform: ChildProcess): Promise<string> =>
  (await addressesOf(platform)).get("front door") ?? "";

/** Those of its services, too, by their names. */
export function addressesOf(platform: ChildProcess): Promise<ReadonlyMap<string, string>> {
  return new Promise((resolve, reject) => {
    let text = "";
    platform.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const rows = [...text.matchAll(/^ {2}(\S.*?)\s+(http:\S+)/gm)].map(
        ([, name = "", url = ""]) => [name, url] as const,
      );
      // The last row.
      if (rows.some(([name]) => name === "docs")) resolve(new Map(rows));
    });
    platform.once("error", reject);
    platform.once("exit", (code) => reject(new Error(`The platform ended with ${String(code)}: ${text}`)));
  });
}
