import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import { backoffMs } from "./backoff.ts";
import type { Delivery, Subscribe } from "./broker.ts";
import { failureRate } from "./failure-rate.ts";
import { messageProblems } from "./problems.ts";
import { isInfrastructure } from "./retry.ts";
import type { Envelope } from "./envelope.ts";
import type { Incoming, Store } from "./store.ts";
import type { Subscriber } from "./subscription.ts";

export interface IntakeOptions {
  readonly store: Pick<Store<object>, "takeIn">;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly subscriber: Subscriber;
  /** Ends pauses: what is not taken in comes again. */
  readonly stopping: AbortSignal;
}

const failing = { baseMs: 200, capMs: 30_000 };
/** A batch that the store refuses this often, for no reason of its own, is taken apart. */
const refusals = 5;

/** The `deliver` of a subscription: resolves when every message is taken in (handled, parked or dead), with its mark. */
export function intakeOf({ store, runtime, log, subscriber, stopping }: IntakeOptions): Subscribe["deliver"] {
  const { subscription, decoder, judge } = subscriber;
  const { name } = subscription;
  const { clock, timers, random, faults } = runtime;
  const rate = failureRate();
  let pausedUntil = 0;

  /** One transaction. Gives how the tried messages ended, and whether one of them asked for a pause. */
  const takeInOnce = async (messages: readonly Incoming[], seen: { paused: boolean }) => {
    const failed = new Map<string, boolean>();
    const thrownBy = new WeakMap<object, Envelope>();
    /** Of an error that no handler threw as it is, any message may be quoted. */
    const quotedBy = (error: unknown): readonly Envelope[] => {
      const one = error instanceof Error ? thrownBy.get(error) : undefined;
      return one === undefined ? messages.map(({ envelope }) => envelope) : [one];
    };
    for (const { envelope, dead } of messages) if (dead !== undefined) failed.set(envelope.id, true);
    await store.takeIn({
      subscription: name,
      messages,
      intakeOnly: subscription.prepare !== undefined || subscription.exhausted !== undefined,
      afterDeadLetter: subscription.afterDeadLetter,
      handle: async (envelope, attempt, unit) => {
        failed.set(envelope.id, true);
        try {
          await subscription.handle(envelope, decoder.decode(envelope), attempt, unit, undefined);
        } catch (error) {
          if (error instanceof Error) thrownBy.set(error, envelope);
          throw error;
        }
        failed.set(envelope.id, false);
      },
      judge(error, attempt) {
        const verdict = judge(error, attempt);
        if (verdict.kind === "pause") seen.paused = true;
        const told = decoder.withheld(error, quotedBy(error));
        log.warn("message failed", { subscription: name, attempt, verdict: verdict.kind, error: told });
        return verdict;
      },
    });
    for (const { envelope, dead } of messages) {
      if (dead === undefined) continue;
      const detail = decoder.withheld(dead.detail, [envelope]);
      log.error("message is dead", { subscription: name, id: envelope.id, code: dead.code, detail });
    }
    return failed.values();
  };

  const takeIn = async (messages: readonly Incoming[], signal: AbortSignal): Promise<boolean[]> => {
    const seen = { paused: false };
    for (let failures = 1; ; failures += 1) {
      try {
        seen.paused = false;
        const outcomes = [...(await takeInOnce(messages, seen))];
        if (failures > 1) log.info("messages are taken in again", { subscription: name, failures: failures - 1 });
        return outcomes;
      } catch (error) {
        const blameless = seen.paused || isInfrastructure(error);
        if (!blameless && failures >= refusals) return await takeApart(messages, error, signal);
        if (failures === 1) {
          const quoted = messages.map(({ envelope }) => envelope);
          const told = decoder.withheld(error, quoted);
          log.warn("messages are not taken in; the consumer pauses", { subscription: name, error: told });
        }
        const ended = AbortSignal.any([signal, stopping]);
        await timers.sleep(backoffMs(random, failures, failing), ended);
        if (ended.aborted) throw error;
      }
    }
  };

  /** The store refuses the batch itself: the message at fault is found, and goes to the dead letters without its handler. */
  const takeApart = async (messages: readonly Incoming[], error: unknown, signal: AbortSignal): Promise<boolean[]> => {
    const [first] = messages;
    if (first === undefined || (messages.length === 1 && first.dead !== undefined)) throw error;
    if (messages.length > 1) {
      const outcomes: boolean[] = [];
      for (const message of messages) outcomes.push(...(await takeIn([message], signal)));
      return outcomes;
    }
    const detail = error instanceof Error ? error.message : String(error);
    const { code } = messageProblems.notTakenIn;
    return takeIn([{ envelope: first.envelope, dead: { code, detail } }], signal);
  };

  return async (batch: readonly Delivery[], signal) => {
    const wait = pausedUntil - clock.monotonic();
    if (wait > 0) await timers.sleep(wait, AbortSignal.any([signal, stopping]));
    if (signal.aborted || stopping.aborted) throw new Error(`The consumer ${name} takes in no more.`);
    faults.at("consumer:received");
    const outcomes = await takeIn(
      batch.map(({ envelope }) => decoder.examine(envelope)),
      signal,
    );
    faults.at("consumer:committed");
    const pauseMs = rate.record(outcomes);
    pausedUntil = pauseMs === 0 ? 0 : clock.monotonic() + pauseMs;
    if (pauseMs > 0) log.error("half of the messages fail; the consumer pauses", { subscription: name, pauseMs });
  };
}
