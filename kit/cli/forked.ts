import { fork, type ChildProcess } from "node:child_process";
import type { ServerResponse } from "node:http";
import type { Forwarding } from "../http/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { end } from "./ending.ts";
import { generationMark, type GenerationReady } from "./generation.ts";

export interface ForkOptions {
  /** The file that calls `main`. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export type WhereItIs = GenerationReady["generation"];

const startMs = 30_000;
const drainMs = 4_000;

/** A generation of the platform's code: a process, and the requests that it was given. */
export class Forked {
  readonly ready: Promise<WhereItIs>;
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  readonly #process: ChildProcess;
  readonly #runtime: Runtime;
  #where: WhereItIs | undefined;
  #inHand = 0;
  #idle: (() => void) | undefined;

  constructor({ entry, args, env }: ForkOptions, runtime: Runtime) {
    this.#runtime = runtime;
    const running = fork(entry, args, {
      env: { ...env, [generationMark]: "1" },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#process = running;
    const ready = Promise.withResolvers<WhereItIs>();
    this.ready = ready.promise;
    const late = runtime.timers.after(startMs, () => {
      ready.reject(new Error("The code did not start in half a minute."));
      this.kill();
    });
    running.on("message", ({ generation }: GenerationReady) => {
      late.cancel();
      this.#where = generation;
      ready.resolve(generation);
    });
    this.gone = new Promise((resolve) => {
      const onEnd = (why: string) => {
        late.cancel();
        ready.reject(new Error(`The code does not start: ${why}`));
        resolve();
      };
      running.once("exit", (code, signal) => onEnd(`its process ended with ${signal ?? String(code)}.`));
      running.once("error", ({ message }) => onEnd(message));
    });
  }

  /** Where the front door (0) or a service (from 1, in their order) takes a request that is counted until its reply has ended. */
  take(response: ServerResponse, at: number): Pick<Forwarding, "origin" | "limits"> | undefined {
    if (this.#where === undefined) return undefined;
    const { url, addresses, limits } = this.#where;
    this.#inHand += 1;
    response.once("close", () => {
      this.#inHand -= 1;
      if (this.#inHand === 0) this.#idle?.();
    });
    return { origin: at === 0 ? url : addresses[at - 1]?.url, limits };
  }

  /** Is given no more requests: ends when it has answered those in hand. */
  async retire(): Promise<void> {
    const idle = Promise.withResolvers<void>();
    this.#idle = idle.resolve;
    const enough = this.#runtime.timers.after(drainMs, idle.resolve);
    if (this.#inHand > 0) await idle.promise;
    enough.cancel();
    await this.end();
  }

  /** In good order. */
  async end(ms = drainMs): Promise<void> {
    await end(this.#process, ms);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
