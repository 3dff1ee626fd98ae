import { backoffMs } from "../messaging/index.ts";
import type { Runtime, Timer } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { FromChild, ToChild } from "./child.ts";
import { endingFields, ForkedProcess, type Ending, type ForkOptions } from "./forked-process.ts";

export interface SupervisedOptions {
  readonly name: string;
  /** 0 takes a free port; a restart takes the same one again. */
  readonly port: number;
  /** What is forked, given the port to listen on. */
  readonly fork: (port: number) => ForkOptions;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Called when the address or the process id has changed. */
  readonly onChange: () => void;
}

const restart = { baseMs: 100, capMs: 5_000 };
/** A process that has run this long has not failed at its start. */
const settledMs = 10_000;
/** A process that is not ready by then is ended. */
const startMs = 30_000;
/** A process that leaves as many questions unanswered, one after another, hangs: it is stopped, or its event loop is blocked. */
const pingMs = 5_000;
const unanswered = 4;
const isDebugged = process.execArgv.some((arg) => /^--inspect(-brk|-wait)?(=|$)/.test(arg));
/** The exit code of a process that has said why it does not start. */
const refused = 1;

/** The process of a service, started again with back-off for as long as it is not stopped, whatever it ended of, or whatever a start meets. */
export class Supervised {
  /** Resolves when it answers for the first time. Rejects when it refuses to start, for a reason that it has printed. */
  readonly ready: Promise<void>;
  readonly #o: SupervisedOptions;
  readonly #ready = Promise.withResolvers<void>();
  #process: ForkedProcess | undefined;
  #url: string | undefined;
  #port: number;
  #failures = 0;
  #timers: Timer[] = [];
  #stopping = false;
  #hasBeenReady = false;

  constructor(options: SupervisedOptions) {
    this.#o = options;
    this.#port = options.port;
    this.ready = this.#ready.promise;
    this.#start();
  }

  get name(): string {
    return this.#o.name;
  }
  /** Where it answers; undefined while it does not run, as somebody else may have its port by then. */
  get url(): string | undefined {
    return this.#url;
  }
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  send(message: object): void {
    this.#process?.send(message);
  }

  /** In good order, within `ms`; it is not started again. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    this.#cancelTimers();
    await this.#process?.end(ms);
  }

  #start(): void {
    const { fork, runtime, log, name } = this.#o;
    const began = runtime.clock.monotonic();
    let isReady = false;
    let asked = 0;
    const running = new ForkedProcess(fork(this.#port), (message) => {
      asked = 0;
      // Proof: the child is the kit's own, of the same version.
      const { ready } = message as FromChild;
      if (ready === undefined) return;
      isReady = true;
      late.cancel();
      this.#url = ready.url;
      this.#hasBeenReady = true;
      this.#port = ready.port;
      this.#ready.resolve();
      this.#o.onChange();
    });
    this.#process = running;
    const late = runtime.timers.after(startMs, () => {
      log.error("a service's process is not ready in time; it is ended", { service: name, ms: startMs });
      running.kill();
    });
    const pings = runtime.timers.every(pingMs, () => {
      // A breakpoint stops it as well.
      if (!isReady || isDebugged) return;
      if (asked >= unanswered) {
        log.error("a service's process does not answer; it is ended", { service: name, ms: asked * pingMs });
        pings.cancel();
        running.kill();
        return;
      }
      asked += 1;
      running.send({ ping: asked } satisfies ToChild);
    });
    this.#timers = [late, pings];
    void running.ended.then((ending) => this.#ended(ending, { isReady, ms: runtime.clock.monotonic() - began }));
  }

  #ended(ending: Ending, { isReady, ms }: { readonly isReady: boolean; readonly ms: number }): void {
    const { runtime, log, name, onChange } = this.#o;
    this.#cancelTimers();
    if (this.#stopping) return;
    this.#failures = ms > settledMs ? 1 : this.#failures + 1;
    this.#url = undefined;
    if (!this.#hasBeenReady && !isReady && ending.code === refused) {
      this.#ready.reject(new Error(`${name} does not start; its message is above.`));
      return;
    }
    const afterMs = Math.ceil(backoffMs(runtime.random, this.#failures, restart));
    const what = ending.error === undefined ? "a service's process ended" : "a service's process could not be started";
    log.warn(`${what}; it is started again`, {
      service: name,
      ...endingFields(ending),
      failures: this.#failures,
      afterMs,
    });
    onChange();
    this.#timers = [runtime.timers.after(afterMs, () => this.#start())];
  }

  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }
}
