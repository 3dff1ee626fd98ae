import type { Clock } from "../runtime/index.ts";

/** A clock that has run this long without a jump is believed: until then nothing that cannot be taken back is decided by it. */
const steadyMs = 10 * 60_000;
/** Further apart from the monotonic clock than a clock is slewed between two looks. */
const jumpMs = 60_000;

/**
 * Says whether the wall clock has kept pace with the monotonic one for ten minutes, as far as its calls, a minute apart, can tell.
 * @param jumped told how far it has jumped, in milliseconds
 */
export function steadyClock({ now, monotonic }: Clock, jumped: (ms: number) => void = () => {}): () => boolean {
  let since = monotonic();
  let offset = now() - since;
  return () => {
    const elapsed = monotonic();
    const seen = now() - elapsed;
    if (Math.abs(seen - offset) > jumpMs) {
      since = elapsed;
      jumped(Math.round(seen - offset));
    }
    offset = seen;
    return elapsed - since >= steadyMs;
  };
}
