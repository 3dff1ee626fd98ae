import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fastStart } from "../../scripts/bundles.mjs";
import type { Ready, Usage } from "./subject.ts";

/** A program under measurement, in a process of its own. */
export interface Program extends Ready {
  readonly pid: number;
  /** From the start of the process until it was ready. */
  readonly readyMs: number;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Starts `bench/<entry>`. It ends when this process does. */
export async function startProgram(
  entry: string,
  args: readonly string[] = [],
  execArgv: readonly string[] = [],
): Promise<Program> {
  const began = performance.now();
  const child = fork(path.join(import.meta.dirname, "..", entry), args, {
    execArgv: ["--disable-warning=ExperimentalWarning", ...execArgv],
    env: { ...process.env, ...fastStart(process.env), NODE_ENV: "production" },
  });
  const ended = once(child, "exit");
  const [ready] = (await Promise.race([
    once(child, "message"),
    ended.then(() => Promise.reject(new Error(`${entry} ended before it was ready`))),
  ])) as [Ready]; // Proof: sent by `subject`.
  return {
    ...ready,
    pid: child.pid ?? 0,
    readyMs: performance.now() - began,
    async usage() {
      const answer = once(child, "message");
      child.send("usage");
      const [usage] = (await answer) as [Usage]; // Proof: sent by `subject`.
      return usage;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
