import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { seededRandom } from "../runtime/index.ts";
import { isVictim, Victim } from "./crash-process.ts";
import { settled } from "./crash-settled.ts";
import type { CrashLoad, CrashScenario } from "./crash.ts";

/** A process beside the platform, such as a mail server: it prints its address, and is started again when it is killed. */
export interface Companion {
  readonly name: string;
  /** Its entry and arguments; `port` is 0 at first, and its own afterwards. */
  readonly args: (given: { readonly data: string; readonly port: number }) => readonly string[];
  /** The setting by which the platform is told its address. */
  readonly variable: string;
}

export interface SinglesOptions {
  readonly data: string;
  readonly kills: number;
  readonly seed: number;
  readonly companions: readonly Companion[];
  readonly say: (line: string) => void;
}

export interface SinglesReport {
  /** How often each process was killed. */
  readonly killed: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const every = 10;

/**
 * One continuous run of a platform in processes: load, SIGKILL of one process at a time, whichever chance picks, the front door's included; all of them
 * come back by themselves or are started again. Reconciled at every 10th kill and at the end.
 */
export async function crashSingles(
  scenario: CrashScenario,
  { data, kills, seed, companions, say }: SinglesOptions,
): Promise<SinglesReport> {
  const random = seededRandom(seed);
  const killed: Record<string, number> = {};
  const violations: string[] = [];
  const beside = companions.map((companion) => new Beside(companion, data));
  let platform: Victim | undefined;
  let load: CrashLoad | undefined;
  try {
    for (const one of beside) await one.start();
    const env = {
      HOLDFAST_FAULT_FAIL: "consumer:handling:0.2",
      ...Object.fromEntries(beside.map((one) => one.setting)),
    };
    const startAgain = async () => {
      const started = await Victim.start({ args: [...scenario.args, "--processes"], data, env });
      if (!isVictim(started)) throw new Error("The platform did not start.");
      platform = started;
    };
    await startAgain();
    load = scenario.load({ random: seededRandom(seed + 1), data, url: () => platform?.url ?? "" });
    for (let kill = 1; kill <= kills && violations.length === 0; kill += 1) {
      await pause(100 + random.next() * 900);
      const services = servicesOf(data);
      const targets = [...services.map(({ service }) => service), ...beside.map(({ name }) => name), "the front door"];
      const target = targets[Math.floor(random.next() * targets.length)] ?? "";
      killed[target] = (killed[target] ?? 0) + 1;
      const pid = services.find(({ service }) => service === target)?.pid;
      const other = beside.find(({ name }) => name === target);
      if (other !== undefined) await other.kill();
      else if (pid !== undefined) kill9(pid);
      else if (target === "the front door") {
        await platform?.end(0);
        await startAgain();
      }
      if (kill % every === 0 || kill === kills) {
        await load.pause();
        const when = `after kill ${String(kill)}`;
        const { compared, violations: found } = await settled(() => scenario.reconcile(data));
        violations.push(...found.map((violation) => `${when}: ${violation}`));
        say(`${when}: ${compared}, ${found.length === 0 ? "all as it must be" : `${String(found.length)} violations`}`);
        if (kill !== kills) load.resume();
      }
    }
    await load.stop();
  } finally {
    await platform?.stop();
    await Promise.all(beside.map((one) => one.end()));
  }
  return { killed, violations };
}

class Beside {
  readonly #companion: Companion;
  readonly #data: string;
  #child: ChildProcess | undefined;
  #url = "";

  constructor(companion: Companion, data: string) {
    this.#companion = companion;
    this.#data = data;
  }

  get name(): string {
    return this.#companion.name;
  }
  get setting(): readonly [string, string] {
    return [this.#companion.variable, this.#url];
  }

  async start(): Promise<void> {
    const port = this.#url === "" ? 0 : Number(new URL(this.#url).port);
    const args = this.#companion.args({ data: this.#data, port });
    const child = spawn(process.execPath, [...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    this.#url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
      child.once("exit", (code) => reject(new Error(`${this.name} ended with ${String(code)}.`)));
    });
  }

  async kill(): Promise<void> {
    await this.end();
    await this.start();
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => {
      child.once("exit", resolve);
    });
    child.kill("SIGKILL");
    await ended;
  }
}

function servicesOf(data: string): readonly { readonly service: string; readonly pid?: number }[] {
  // Proof: written by `startProcesses` of the same version of the kit.
  return JSON.parse(readFileSync(path.join(data, "processes.json"), "utf8")) as { service: string; pid?: number }[];
}

function kill9(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is being started again at this very moment.
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
