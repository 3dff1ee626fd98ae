import { systemClock, type Clock } from "./clock.ts";
import { noFaults, type Faults } from "./faults.ts";
import { ids, type Ids } from "./ids.ts";
import { seededRandom, systemRandom, type Random } from "./random.ts";
import { sleepOn, systemTimers, type Timers } from "./timers.ts";

/** Everything that would otherwise be ambient. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly timers: Timers;
  readonly faults: Faults;
}

export function systemRuntime({ faults = noFaults }: { readonly faults?: Faults } = {}): Runtime {
  return {
    clock: systemClock,
    random: systemRandom,
    ids: ids(systemClock, systemRandom),
    timers: systemTimers,
    faults,
  };
}

export interface ControlledRuntime extends Runtime {
  /** Moves the clock; timers that fall due in between run in the order of their times. Resolves after they and what they woke have run. */
  advance(ms: number): Promise<void>;
}

interface Due {
  at: number;
  readonly run: () => void;
  readonly every: number | undefined;
  cancel(): void;
}

/**
 * A runtime for tests: repeatable randomness, and a clock that flows as the real one does (sockets and engines need that) and can be moved ahead
 * besides. Timers fire when real time or a jump has passed them.
 */
export function controlledRuntime({
  seed = 1,
  now = Date.UTC(2030, 0, 1),
  faults = noFaults,
}: { readonly seed?: number; readonly now?: number; readonly faults?: Faults } = {}): ControlledRuntime {
  const random = seededRandom(seed);
  const startedAt = systemClock.monotonic();
  let jumped = 0;
  const monotonic = () => systemClock.monotonic() + jumped;
  const clock: Clock = { monotonic, now: () => now + systemClock.monotonic() - startedAt + jumped };
  const waiting = new Set<Due>();
  const add = (ms: number, run: () => void, every: number | undefined) => {
    const due: Due = { at: monotonic() + ms, run, every, cancel: () => {} };
    let real = systemTimers.after(0, () => {});
    const arm = () => {
      real.cancel();
      real = every === undefined ? systemTimers.after(due.at - monotonic(), fire) : systemTimers.every(every, fire);
    };
    const fire = () => {
      if (!waiting.has(due)) return;
      if (every === undefined) waiting.delete(due);
      else due.at = monotonic() + every;
      run();
    };
    due.cancel = () => {
      waiting.delete(due);
      real.cancel();
    };
    waiting.add(due);
    arm();
    return { due, fire };
  };
  const timers: Timers = {
    after: (ms, run) => add(ms, run, undefined).due,
    every: (ms, run) => add(ms, run, ms).due,
    sleep: (ms, signal) => sleepOn(timers, ms, signal),
  };
  return {
    clock,
    random,
    ids: ids(clock, random),
    timers,
    faults,
    async advance(ms) {
      const until = monotonic() + ms;
      for (;;) {
        const next = [...waiting].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        jumped += Math.max(0, next.at - monotonic());
        if (next.every === undefined) next.cancel();
        else next.at = monotonic() + next.every;
        next.run();
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      jumped += Math.max(0, until - monotonic());
    },
  };
}
