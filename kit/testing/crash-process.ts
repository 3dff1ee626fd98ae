import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import type { FaultReport } from "../runtime/index.ts";

export interface Launch {
  /** The entry of the platform, and its arguments. */
  readonly args: readonly string[];
  readonly data: string;
  readonly env?: Readonly<Record<string, string>>;
}

const startMs = 60_000;

/** A platform in a process of its own, to be killed. */
export class Victim {
  readonly #child: ChildProcess;
  readonly #report: string;
  readonly url: string;

  private constructor(child: ChildProcess, report: string, url: string) {
    this.#child = child;
    this.#report = report;
    this.url = url;
  }

  /** Resolves when it is ready, or undefined when it died before: a fault point may lie in the start. */
  static async start({ args, data, env = {} }: Launch): Promise<Victim | FaultReport> {
    const report = path.join(data, "faults.json");
    rmSync(report, { force: true });
    const child = spawn(
      process.execPath,
      [...args, "--port=0", "--service-port=0", "--log-level=error", `--data=${data}`],
      {
        env: { ...process.env, ...env, HOLDFAST_FAULT_REPORT: report },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let text = "";
    const url = await new Promise<string | undefined>((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`The platform was not ready after ${String(startMs / 1000)} s. It said:\n${text}`));
      }, startMs);
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const found = /front door\s+(http:\S+)/.exec(text)?.[1];
        if (found === undefined) return;
        clearTimeout(late);
        resolve(found);
      });
      child.once("exit", () => {
        clearTimeout(late);
        resolve(undefined);
      });
    });
    return url === undefined ? readReport(report) : new Victim(child, report, url);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits for it to end by itself; kills it when it has not after `ms`. */
  async end(ms: number): Promise<FaultReport> {
    if (this.alive) {
      await new Promise<void>((resolve) => {
        const kill = setTimeout(() => this.#child.kill("SIGKILL"), ms);
        this.#child.once("exit", () => {
          clearTimeout(kill);
          resolve();
        });
      });
    }
    return readReport(this.#report);
  }

  /** As a person stops it. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.end(10_000);
  }
}

export const isVictim = (started: Victim | FaultReport): started is Victim => started instanceof Victim;

function readReport(file: string): FaultReport {
  try {
    // Proof: written by the planted faults of the same version of the kit.
    return JSON.parse(readFileSync(file, "utf8")) as FaultReport;
  } catch {
    return { killedAt: undefined, inFlight: 0, hits: {} };
  }
}
