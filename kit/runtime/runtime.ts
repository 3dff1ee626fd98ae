import { systemClock, type Clock } from "./clock.ts";
import { noFaults, type Faults } from "./faults.ts";
import { ids, type Ids } from "./ids.ts";
import { systemRandom, type Random } from "./random.ts";
import { systemTimers, type Timers } from "./timers.ts";

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
