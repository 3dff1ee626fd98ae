import { fork, type ChildProcess } from "node:child_process";

export interface ForkOptions {
  /** The file that calls `main`. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** How a process ended; `error` where it never began: no memory, no file descriptor, no such program. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: Error | undefined;
}

/** A forked process with a channel for messages. Whatever goes wrong with it, a fork that fails included, arrives once, as its end. */
export class ForkedProcess {
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess | undefined;
  #over = false;

  constructor({ entry, args, env }: ForkOptions, onMessage: (message: unknown) => void) {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    const end = (ending: Ending) => {
      this.#over = true;
      resolve(ending);
    };
    const failed = (error: unknown) =>
      end({ code: null, signal: null, error: error instanceof Error ? error : new Error(String(error)) });
    try {
      const running = fork(entry, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
      this.#process = running;
      running.on("message", onMessage);
      running.once("exit", (code, signal) => end({ code, signal, error: undefined }));
      // Also told of a message or a signal that did not arrive: then the end is still to come.
      running.on("error", (error) => {
        if (running.pid === undefined) failed(error);
      });
    } catch (error) {
      failed(error);
    }
  }

  get pid(): number | undefined {
    return this.#over ? undefined : this.#process?.pid;
  }

  /** A process that has just ended, or whose channel is broken, hears nothing: its end follows. */
  send(message: object): void {
    if (this.#process?.connected === true) this.#process.send(message, () => {});
  }

  kill(): void {
    if (!this.#over) this.#process?.kill("SIGKILL");
  }

  /** Tells it to end, and ends it where it has not half a second after `ms`. */
  async end(ms: number): Promise<void> {
    if (!this.#over) this.#process?.kill("SIGTERM");
    const force = setTimeout(() => this.kill(), ms + 500);
    await this.ended;
    clearTimeout(force);
  }
}

/** For a log: why it ended. */
export const endingFields = ({ code, signal, error }: Ending) => (error === undefined ? { code, signal } : { error });
