import { profile } from "../profile.ts";
import type { Run } from "../harness/measure.ts";

export const profiled: Run = {
  name: "profile",
  about:
    "Time of the shop's one thread under the burst of `orders`, by V8's sampling profiler; a function that is in no group belongs to whoever called it. It is wall clock: a commit is mostly the disk's sync, in which the thread waits.",
  async measure({ quick }) {
    const size = quick ? { warmUp: 1_000, orders: 2_000 } : { warmUp: 2_000, orders: 10_000 };
    const found = await profile(size);
    return [...found].map(([group, micros]) => ({
      kind: "figure",
      unit: "µs",
      better: "lower",
      name: group,
      label: group,
      rounds: [micros],
    }));
  },
};
