import type { ServerResponse } from "node:http";
import type { Forwarding } from "../http/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { ForkedProcess, type ForkOptions } from "./forked-process.ts";
import { generationMark, type GenerationReady } from "./generation.ts";

export type WhereItIs = GenerationReady["generation"];

const startMs = 30_000;
const drainMs = 4_000;

/** A generation of the platform's code: a process, and the requests that it was given. */
export class Forked {
  readonly ready: Promise<WhereItIs>;
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>;
  readonly #process: ForkedProcess;
  readonly #runtime: Runtime;
  #where: WhereItIs | undefined;
  #inHand = 0;
  #idle: (() => void) | undefined;

  constructor({ entry, args, env }: ForkOptions, runtime: Runtime) {
    this.#runtime = runtime;
    const ready = Promise.withResolvers<WhereItIs>();
    this.ready = ready.promise;
    this.#process = new ForkedProcess({ entry, args, env: { ...env, [generationMark]: "1" } }, (message) => {
      late.cancel();
      // Proof: the forked process is the kit's own, of the same version.
      const { generation } = message as GenerationReady;
      this.#where = generation;
      ready.resolve(generation);
    });
    const late = runtime.timers.after(startMs, () => {
      ready.reject(new Error("The code did not start in half a minute."));
      this.kill();
    });
    this.gone = this.#process.ended.then(({ code, signal, error }) => {
      late.cancel();
      const why = error?.message ?? `its process ended with ${signal ?? String(code)}.`;
      ready.reject(new Error(`The code does not start: ${why}`));
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
    await this.#process.end(ms);
  }

  kill(): void {
    this.#process.kill();
  }
}
