import { fork, type ChildProcess } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { proxyTo, type Proxy } from "../http/index.ts";
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
  #proxies: readonly Proxy[] = [];
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
      const origins = [generation.url, ...generation.addresses.map(({ url }) => url)];
      this.#proxies = origins.map((origin) => this.#counted(proxyTo(() => origin, runtime)));
      ready.resolve(generation);
    });
    this.gone = new Promise((resolve) => {
      const onEnd = (why: string) => {
        late.cancel();
        for (const proxy of this.#proxies) proxy.close();
        ready.reject(new Error(`The code does not start: ${why}`));
        resolve();
      };
      running.once("exit", (code, signal) => onEnd(`its process ended with ${signal ?? String(code)}.`));
      running.once("error", ({ message }) => onEnd(message));
    });
  }

  /** To the front door (0) or a service (from 1, in their order); undefined where there is none. */
  proxy(at: number): Proxy | undefined {
    return this.#proxies[at];
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

  #counted(proxy: Proxy): Proxy {
    return {
      routing: (request: IncomingMessage, response: ServerResponse) => {
        this.#inHand += 1;
        response.once("close", () => {
          this.#inHand -= 1;
          if (this.#inHand === 0) this.#idle?.();
        });
        proxy.routing(request, response);
      },
      close: () => proxy.close(),
    };
  }
}
