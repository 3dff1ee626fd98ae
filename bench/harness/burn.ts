/** Named by the check of the benchmark itself: so many microseconds of CPU are burnt for each order, and must be found. */
export const burnVariable = "BENCH_BURN_MICROS";

const micros = Number(process.env[burnVariable] ?? 0);

/** Nothing, unless the benchmark checks itself. */
export const burn: () => void =
  micros > 0
    ? () => {
        const end = performance.now() + micros / 1_000;
        while (performance.now() < end);
      }
    : () => {};
