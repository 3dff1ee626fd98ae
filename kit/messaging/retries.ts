import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { Bell } from "./loop.ts";
import { pauses } from "./retry-policy.ts";
import type { Parked, Store } from "./store.ts";
import type { Prepared } from "./subscription.ts";

export interface RetriesOptions {
  readonly store: Store<object>;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly owner: string;
  readonly subscriptions: readonly Prepared[];
}

export interface Retries {
  wake(): void;
  stop(): Promise<void>;
}

/** Messages at work at the same time, each of another key. */
const concurrency = 8;
const prepareMs = 10_000;
/** Rows parked by other processes are found this late at the most. */
const pollMs = 250;

/** Works off parked messages whose time has come: the lowest of each key, prepared outside and run inside a transaction. */
export function startRetries({ store: unknownStore, runtime, log, owner, subscriptions }: RetriesOptions): Retries {
  // Proof: the access is the store's own; the loops only pass it on to the handlers made for it.
  const store = unknownStore as Store<object>;
  const byName = new Map(subscriptions.map((prepared) => [prepared.name, prepared]));
  const bell = new Bell(runtime);
  const pause = pauses(runtime.random);
  const stopping = new AbortController();
  const busy = new Map<string, Promise<void>>();

  const work = async (parked: Parked, prepared: Prepared): Promise<void> => {
    const { subscription, judge, decode } = prepared;
    const { envelope } = parked;
    const how = { judge, afterDeadLetter: subscription.afterDeadLetter };
    const { prepare } = subscription;
    if (prepare === undefined) {
      await store.retry(parked, { ...how, handle: (message, attempt, unit) => subscription.handle(message, decode(message), attempt, unit, undefined) });
      return;
    }
    if (!(await store.claim(parked, owner, runtime.clock.now() + prepareMs * 2))) return;
    let ready: unknown;
    let data: unknown;
    try {
      data = decode(envelope);
      ready = await withDeadline(runtime, stopping.signal, (signal) => prepare(envelope, data, parked.attempts + 1, signal, store.outside));
    } catch (error) {
      if (stopping.signal.aborted) return;
      await store.retry(parked, { ...how, owner, failed: error ?? new Error("prepare failed"), effectKeys: data === undefined ? [] : subscription.effectKeys(data), handle: unreachable });
      return;
    }
    await store.retry(parked, {
      ...how,
      owner,
      effectKeys: subscription.effectKeys(data),
      handle: (message, attempt, unit) => subscription.handle(message, data, attempt, unit, ready),
    });
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        const free = concurrency - busy.size;
        const rows = free === 0 ? [] : await store.due(runtime.clock.now(), concurrency);
        let started = 0;
        for (const parked of rows) {
          const prepared = byName.get(parked.subscription);
          const key = `${parked.subscription} ${parked.envelope.key}`;
          if (prepared === undefined || busy.has(key) || started === free) continue;
          started += 1;
          const job = work(parked, prepared)
            .catch((error: unknown) => {
              log.warn("a parked message could not be worked on; it stays parked", { subscription: parked.subscription, message: parked.envelope.id, error });
              return runtime.timers.sleep(pause.next(), stopping.signal);
            })
            .finally(() => {
              busy.delete(key);
              bell.ring();
            });
          busy.set(key, job);
        }
        if (started > 0) continue;
        const next = await store.nextDue();
        const wait = next === undefined ? pollMs : Math.min(pollMs, Math.max(1, next - runtime.clock.now()));
        await bell.sleep(busy.size > 0 ? pollMs : wait);
      } catch (error) {
        log.warn("parked messages could not be read", { error });
        await runtime.timers.sleep(pause.next(), stopping.signal);
      }
    }
    await Promise.all(busy.values());
  };
  const running = run();
  return {
    wake: () => bell.ring(),
    async stop() {
      stopping.abort();
      bell.ring();
      await running;
    },
  };
}

const unreachable = (): Promise<void> => Promise.reject(new Error("A message whose preparation failed is not run."));

async function withDeadline<T>({ timers }: Runtime, stopping: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = timers.after(prepareMs, () => {
    over.abort();
    late.reject(new Error(`"prepare" took longer than ${String(prepareMs / 1000)} s.`));
  });
  const stop = () => late.reject(new Error("The service is shutting down."));
  stopping.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work(AbortSignal.any([over.signal, stopping])), late.promise]);
  } finally {
    timer.cancel();
    stopping.removeEventListener("abort", stop);
  }
}
