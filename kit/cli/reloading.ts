import { gate, httpProxy, type Listening, type Routing } from "../http/index.ts";
import { backoffMs } from "../messaging/index.ts";
import { systemRuntime, type Timer } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { Forked, type WhereItIs } from "./forked.ts";
import type { ForkOptions } from "./forked-process.ts";
import { addressesOf, type Whereabouts } from "./settings.ts";
import { refuseTakenPorts } from "./taken-ports.ts";

export interface ReloadOptions extends ForkOptions {
  /** Told what happens, for a person to read. */
  readonly say: (sentence: string) => void;
  /** Requests that no process answered. */
  readonly log: Logger;
}

export interface Reloading {
  /** Resolves when the first generation answers; rejects when its ports cannot be had. */
  readonly ready: Promise<Whereabouts>;
  /** Starts the code as it is now beside what runs. The newest call counts: what it finds starting is given up. */
  reload(): void;
  stop(ms: number): Promise<void>;
  /** Ends all processes, without a word. */
  kill(): void;
}

const restart = { baseMs: 100, capMs: 5_000 };

/**
 * The platform's ports, and behind them the newest generation of its code that starts: a process of its own, and with `--processes` one for each service.
 * A request is answered by the generation that it began with. One that ends by itself is started again, after a pause.
 */
export function startReloading(options: ReloadOptions): Reloading {
  const { say, log } = options;
  const runtime = systemRuntime();
  const ready = Promise.withResolvers<Whereabouts>();
  const living = new Set<Forked>();
  const proxy = httpProxy(runtime);
  let gates: Promise<readonly Listening[]> | undefined;
  let current: Forked | undefined;
  let next: Forked | undefined;
  let again: Timer | undefined;
  let failures = 0;
  let stopping = false;

  const reload = (): void => {
    if (stopping) return;
    again?.cancel();
    void next?.end();
    const began = runtime.clock.monotonic();
    const one = new Forked(options, runtime);
    living.add(one);
    next = one;
    one.ready.then(
      (where) => take(one, where, runtime.clock.monotonic() - began).catch(ready.reject),
      (error: unknown) => giveUp(one, error),
    );
    void one.gone.then(() => {
      living.delete(one);
      if (one === current) restartIt();
    });
  };

  const take = async (one: Forked, where: WhereItIs, ms: number): Promise<void> => {
    if (one !== next) return;
    next = undefined;
    const before = current;
    current = one;
    failures = 0;
    // Requests in hand are answered by whom they were given to.
    void before?.retire();
    const who = before === undefined ? "The platform answers again" : "The new code answers";
    if (gates !== undefined) say(`${who}, after ${(ms / 1_000).toFixed(2)} s.`);
    gates ??= open(where);
    ready.resolve(whereabouts(await gates, where));
  };

  const giveUp = (one: Forked, error: unknown): void => {
    if (one !== next || stopping) return;
    next = undefined;
    const why = error instanceof Error ? error.message : String(error);
    if (current !== undefined) say(`${why} What ran before goes on; the next save starts the code again.`);
    else if (failures === 0) say(`${why} The next save starts the code again.`);
    else restartIt();
  };

  const restartIt = (): void => {
    current = undefined;
    if (stopping || next !== undefined) return;
    failures += 1;
    say("The platform's process ended; it is started again.");
    again = runtime.timers.after(backoffMs(runtime.random, failures, restart), reload);
  };

  /** The front door, then the services in order. */
  const open = async ({ wanted, addresses }: WhereItIs): Promise<readonly Listening[]> => {
    const opened: Listening[] = [];
    await refuseTakenPorts({ own: { ...wanted, processes: false }, ports: wanted.ports }, runtime.timers);
    try {
      for (const at of [0, ...addresses.map((_, index) => index + 1)]) {
        const port = at === 0 ? wanted.port : (wanted.ports[at - 1]?.port ?? 0);
        const routing: Routing = (request, response, limits) => {
          const to = current?.take(response, at) ?? { origin: undefined, limits };
          return proxy.forward({ ...to, request, response });
        };
        const service = wanted.ports[at - 1]?.name ?? "front door";
        const { host, trustProxy } = wanted;
        opened.push(await gate({ port, host, runtime, log, trustProxy, service, routing }));
      }
    } catch (error) {
      await Promise.all(opened.map((one) => one.close(0)));
      throw error;
    }
    return opened;
  };

  reload();
  return {
    ready: ready.promise,
    reload,
    async stop(ms) {
      stopping = true;
      again?.cancel();
      const opened = await gates?.catch(() => []);
      await Promise.all((opened ?? []).map((one) => one.close(ms)));
      await Promise.all([...living].map((one) => one.end(ms)));
      await proxy.close();
    },
    kill() {
      stopping = true;
      for (const one of living) one.kill();
    },
  };
}

const whereabouts = ([door, ...services]: readonly Listening[], { wanted }: WhereItIs): Whereabouts => ({
  url: door?.url ?? "",
  addresses: addressesOf(wanted.ports, (_, at) => services[at]?.url),
});
