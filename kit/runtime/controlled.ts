import { systemClock, type Clock } from "./clock.ts";
import { noFaults, type Faults } from "./faults.ts";
import { ids } from "./ids.ts";
import { seededRandom } from "./random.ts";
import type { Runtime } from "./runtime.ts";
import { milliseconds, once, sleepOn, type Timer, type Timers } from "./timers.ts";
import { ownTurn } from "./turns.ts";

export interface ControlledRuntime extends Runtime {
  /**
   * Moves the clock. Timers that fall due on the way run in the order of their times, each after what the one before it
   * woke has run up to its next wait for the outside. Rejects with what a timer throws.
   */
  advance(ms: number): Promise<void>;
}

export interface ControlledOptions {
  /** @default 1 */
  readonly seed?: number;
  /** Milliseconds since the epoch. @default 2030-01-01T00:00:00Z */
  readonly now?: number;
  readonly faults?: Faults;
  /**
   * Whether time also passes by itself, as sockets and engines need it. Without, the clock stands still between two
   * advances, `monotonic` begins at 0, and a seed gives the same ids in every run. @default true
   */
  readonly flowing?: boolean;
}

interface Waiting {
  at: number;
  readonly every: number | undefined;
  readonly run: () => void;
  real: Timer | undefined;
}

/**
 * A runtime for tests: repeatable randomness, and a clock that is moved ahead. Timers fire when real time (where it
 * flows), jumps or both together have passed them. Two runtimes of one seed may make the same ids.
 */
export function controlledRuntime({
  seed = 1,
  now = Date.UTC(2030, 0, 1),
  faults = noFaults,
  flowing = true,
}: ControlledOptions = {}): ControlledRuntime {
  const random = seededRandom(seed);
  const startedAt = systemClock.monotonic();
  let jumped = 0;
  let advancing = 0;
  const passed = () => jumped + (flowing ? systemClock.monotonic() - startedAt : 0);
  const clock: Clock = { now: () => now + passed(), monotonic: () => (flowing ? startedAt : 0) + passed() };
  const jumpTo = (at: number) => {
    jumped += Math.max(0, at - clock.monotonic());
  };

  const waiting = new Set<Waiting>();
  const end = (timer: Waiting) => {
    waiting.delete(timer);
    timer.real?.cancel();
  };
  const fire = (timer: Waiting) => {
    if (timer.every === undefined) end(timer);
    else {
      timer.at = clock.monotonic() + timer.every;
      arm(timer);
    }
    timer.run();
  };
  const arm = (timer: Waiting) => {
    // While the clock is advanced it is the jumps that fire; what is left over is armed at the end.
    if (!flowing || advancing > 0) return;
    timer.real?.cancel();
    const left = timer.at - clock.monotonic();
    // Node's timers may be a fraction of a millisecond early by this clock.
    const due = () => (timer.at > clock.monotonic() ? arm(timer) : fire(timer));
    timer.real = once(left, due, timer.every === undefined);
  };
  const add = (ms: number, run: () => void, every: number | undefined): Timer => {
    const timer: Waiting = { at: clock.monotonic() + Math.max(0, milliseconds(ms)), every, run, real: undefined };
    waiting.add(timer);
    arm(timer);
    return { cancel: () => end(timer) };
  };
  const timers: Timers = {
    after: (ms, run) => add(ms, run, undefined),
    every: (ms, run) => add(Math.max(1, ms), run, Math.max(1, ms)),
    sleep: (ms, signal) => sleepOn(timers, ms, signal),
  };

  return {
    clock,
    random,
    ids: ids(clock, random),
    timers,
    faults,
    async advance(ms) {
      const until = clock.monotonic() + ms;
      advancing += 1;
      try {
        for (;;) {
          // Promises that can settle by themselves have settled, and whoever asked for a turn before has had it.
          await ownTurn();
          const next = earliest(waiting);
          if (next === undefined || next.at > until) break;
          jumpTo(next.at);
          fire(next);
        }
        jumpTo(until);
      } finally {
        advancing -= 1;
        // Their real timers know nothing of the jump.
        for (const timer of waiting) arm(timer);
      }
    },
  };
}

/** Of two at the same time the one that was set first. */
function earliest(waiting: ReadonlySet<Waiting>): Waiting | undefined {
  let found: Waiting | undefined;
  for (const timer of waiting) if (found === undefined || timer.at < found.at) found = timer;
  return found;
}
