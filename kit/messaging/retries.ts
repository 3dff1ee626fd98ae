import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger, Spans } from "../telemetry/index.ts";
import { backoffMs } from "./backoff.ts";
import { longestClaimMs } from "./retention.ts";
import { showsAttempt, type Tried } from "./spans.ts";
import type { Parked, Store } from "./store.ts";
import type { Subscriber } from "./subscription.ts";
import { makeWake } from "./wake.ts";

export interface RetriesOptions {
  readonly store: Pick<Store<object>, "due" | "nextDue" | "claim" | "retry" | "outside">;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly owner: string;
  readonly subscribers: readonly Subscriber[];
  /** @default none */
  readonly spans?: Spans | undefined;
}

export interface Retries {
  /** Something was parked. */
  wake(): void;
  /** Starts nothing more and waits for what runs; what is being prepared at `deadline` is aborted and not counted as an attempt. */
  drain(deadline: number): Promise<void>;
}

const concurrency = 32;
/** Of one subscription, where there are others: one that hangs leaves some to them. */
const mostOfOne = 24;
/** Beyond all others: those of the third subscription, when two hang. */
const ownOfOne = 2;
/** How often it is looked what hides behind a full page. */
const hiddenMs = 100;
const pageSize = 32;
const largestPage = 4_096;
/** A claim outlives the preparation, so that nobody else starts on the key in between. */
const prepareMs = longestClaimMs - 5_000;
/** Other processes park, and people redrive: found by looking. */
const longestIdleMs = 500;
const shortestIdleMs = 250;
const failing = { baseMs: 500, capMs: 30_000 };

/** Works off what is parked: the lowest message of each key, when it is due; several keys at a time, never two of one key. */
export function startRetries({ store, runtime, log, owner, subscribers, spans }: RetriesOptions): Retries {
  const { clock, timers, random } = runtime;
  const byName = new Map(subscribers.map((subscriber) => [subscriber.subscription.name, subscriber]));
  const wake = makeWake(timers);
  const stopping = new AbortController();
  const aborting = new AbortController();
  const running = new Map<string, Promise<void>>();
  const inHand = new Map([...byName.keys()].map((name) => [name, 0]));
  const most = byName.size === 1 ? concurrency : mostOfOne;
  let hiddenAt = 0;
  /** Rows whose last try failed for a reason that is not theirs. */
  const resting = new Map<Parked["id"], { readonly failures: number; readonly until: number }>();
  let storeFailures = 0;

  /** `envelope` is what handlers see of the message. */
  const work = async (
    parked: Parked,
    { subscription, decoder, judge }: Subscriber,
    envelope = parked.envelope,
  ): Promise<Tried | undefined> => {
    const { name, prepare, exhausted } = subscription;
    const attempt = parked.attempts + 1;
    const about = { subscription: name, id: envelope.id, attempt };
    if (prepare !== undefined && !(await store.claim(parked, owner, clock.now() + longestClaimMs))) return undefined;
    let prepared: { readonly value: unknown } | { readonly failed: unknown } = { value: undefined };
    // What cannot be decoded reaches no handler: nothing is done in place of its dead letter.
    const reaches =
      prepare === undefined && exhausted === undefined ? undefined : attempted(() => decoder.decode(envelope));
    if (reaches?.ok === false) prepared = { failed: reaches.error };
    const used = new Set<string>();
    if (reaches?.ok === true && prepare !== undefined) {
      try {
        prepared = {
          value: await within((signal) =>
            prepare(envelope, reaches.value, attempt, { signal, access: store.outside, uses: (key) => used.add(key) }),
          ),
        };
      } catch (error) {
        if (aborting.signal.aborted || judge(error, attempt).kind === "pause") {
          await store.claim(parked, owner, clock.now());
          throw error;
        }
        prepared = { failed: error ?? new Error("prepare failed without an error.") };
      }
    }
    let last: unknown;
    let inPlace: unknown;
    const ended = await store.retry(parked, {
      afterDeadLetter: subscription.afterDeadLetter,
      handle: async (_again, number, unit) => {
        const value = "value" in prepared ? prepared.value : undefined;
        await subscription.handle(envelope, decoder.decode(envelope), number, unit, value);
      },
      judge(error, number) {
        last = error;
        return judge(error, number);
      },
      effectKeys: () => [...new Set([...effectKeysOf(parked), ...used])],
      ...(exhausted === undefined || reaches?.ok !== true
        ? {}
        : {
            exhausted: {
              run: (_again, failure, unit) => exhausted(envelope, decoder.decode(envelope), failure, unit),
              pauses(error) {
                inPlace = error;
                return judge(error, attempt).kind === "pause";
              },
            },
          }),
      ...(prepare === undefined ? {} : { owner }),
      ...("failed" in prepared ? { failed: prepared.failed } : {}),
    });
    const withheld = (error: unknown) => decoder.withheld(error, [envelope]);
    const error = withheld(last);
    if (ended === "parked") log.warn("message failed", { ...about, verdict: "park", error });
    if (ended === "discarded") log.warn("message failed", { ...about, verdict: "discard", error });
    if (ended === "exhausted") log.warn("message is exhausted", { ...about, error });
    if (ended === "dead") {
      const beside = inPlace === undefined ? {} : { exhausted: withheld(inPlace) };
      log.error("message is dead", { ...about, error, ...beside });
    }
    if (ended === "handled" && attempt > 1) log.info("parked message handled", about);
    return { ended, error: last };
  };

  /** Gives the signal that aborts after the deadline; does not wait for work that ignores it. */
  const within = async (prepare: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> => {
    const late = new AbortController();
    const timer = timers.after(prepareMs, () => late.abort(kitProblems.deadlineExceeded({})));
    const signal = AbortSignal.any([late.signal, aborting.signal]);
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason));
    try {
      return await Promise.race([prepare(signal), aborted.promise]);
    } finally {
      timer.cancel();
    }
  };

  const effectKeysOf = ({ subscription: name, envelope }: Parked): readonly string[] => {
    const subscriber = byName.get(name);
    try {
      // Read here: what somebody without types gives must not fail the dead letter.
      return [...(subscriber?.subscription.effectKeys(subscriber.decoder.decode(envelope)) ?? [])].map(String);
    } catch {
      return []; // What cannot be decoded never reached an effect.
    }
  };

  const start = (parked: Parked, subscriber: Subscriber) => {
    const key = keyOf(parked);
    const run = async () => {
      try {
        await (spans === undefined
          ? work(parked, subscriber)
          : showsAttempt(spans, parked, (shown) => work(parked, subscriber, shown)));
        resting.delete(parked.id);
      } catch (error) {
        const failures = (resting.get(parked.id)?.failures ?? 0) + 1;
        resting.set(parked.id, { failures, until: clock.monotonic() + backoffMs(random, failures, failing) });
        if (failures === 1 && !stopping.signal.aborted) {
          const { subscription, decoder } = subscriber;
          const told = decoder.withheld(error, [parked.envelope]);
          log.warn("a parked message has to wait for the store", { subscription: subscription.name, error: told });
        }
      } finally {
        running.delete(key);
        inHand.set(parked.subscription, (inHand.get(parked.subscription) ?? 1) - 1);
        wake.wake();
      }
    };
    inHand.set(parked.subscription, (inHand.get(parked.subscription) ?? 0) + 1);
    running.set(key, Promise.resolve().then(run));
  };

  const hasRoom = (name: string): boolean => {
    const count = inHand.get(name) ?? 0;
    return count < ownOfOne || (running.size < concurrency && count < most);
  };

  /** Starts what can be started of the rows; says whether any was. */
  const startSome = (rows: readonly Parked[]): boolean => {
    const before = running.size;
    for (const parked of rows) {
      const subscriber = byName.get(parked.subscription);
      const rests = (resting.get(parked.id)?.until ?? 0) > clock.monotonic();
      if (subscriber === undefined || rests || running.has(keyOf(parked)) || !hasRoom(parked.subscription)) continue;
      start(parked, subscriber);
    }
    return running.size > before;
  };

  /** A full page may hide what can be started, of each subscription that has room. */
  const lookBehind = async (): Promise<void> => {
    for (const name of byName.keys())
      for (let limit = pageSize; hasRoom(name) && limit <= largestPage; limit *= 2) {
        const rows = await store.due(clock.now(), limit, name);
        if (startSome(rows) || rows.length < limit) break;
      }
  };

  /** Starts what can be started; gives the milliseconds until there may be more. */
  const look = async (): Promise<number> => {
    if (![...byName.keys()].some(hasRoom)) return longestIdleMs;
    const rows = await store.due(clock.now(), pageSize);
    startSome(rows);
    if (rows.length === pageSize) {
      const wait = hiddenAt - clock.monotonic();
      if (wait > 0) return wait;
      hiddenAt = clock.monotonic() + hiddenMs;
      await lookBehind();
    }
    if (running.size >= concurrency) return longestIdleMs;
    // What is due already is what would be due next.
    if (rows.length > 0) return shortestIdleMs;
    const next = await store.nextDue();
    if (next === undefined) return longestIdleMs;
    const wait = next - clock.now();
    return wait > 0 ? Math.min(wait, longestIdleMs) : shortestIdleMs;
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      let wait = longestIdleMs;
      try {
        wait = await look();
        storeFailures = 0;
      } catch (error) {
        storeFailures += 1;
        if (storeFailures === 1) log.warn("parked messages cannot be read", { error });
        wait = backoffMs(random, storeFailures, failing);
      }
      await wake.wait(wait, stopping.signal);
    }
  };
  const ended = run();

  return {
    wake: () => wake.wake(),
    async drain(deadline) {
      stopping.abort();
      await ended;
      const late = new AbortController();
      const done = Promise.all(running.values());
      await Promise.race([done, timers.sleep(deadline - clock.monotonic(), late.signal)]);
      late.abort();
      aborting.abort(kitProblems.unavailable({ reason: "The service is stopping." }));
      await done;
    },
  };
}

function attempted<T>(
  work: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown } {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}

const keyOf = ({ subscription, envelope }: Parked): string => `${subscription} ${envelope.key}`;
