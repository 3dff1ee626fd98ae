import { burnVariable } from "./harness/burn.ts";
import { regressions, type Measure } from "./harness/measure.ts";
import { httpRatios } from "./runs/http.ts";

const burnt = "100";

/**
 * The benchmark is shown a kit that burns 100 µs an order, beside the one that does not, and must find it. Says what it is blind to.
 * What is alike must not be found: an alarm that always rings tells nothing.
 */
export async function selfTest(say: (line: string) => void): Promise<readonly string[]> {
  const size = { warmUp: 1_500, requests: 3_000, rounds: 3 };
  const measure = async (burn: boolean): Promise<ReadonlyMap<string, readonly Measure[]>> => {
    if (burn) process.env[burnVariable] = burnt;
    try {
      return new Map([["http", await httpRatios(size)]]);
    } finally {
      delete process.env[burnVariable];
    }
  };
  const sound = await measure(false);
  const slow = await measure(true);
  const found = regressions(slow, sound);
  const compared = sound.get("http")?.filter(({ kind }) => kind === "ratio").length ?? 0;
  for (const each of found) say(`  found, as it must be: ${each}`);
  return [
    ...(found.length === compared
      ? []
      : [
          `The benchmark is blind: ${burnt} µs burnt for each order were found in ${String(found.length)} of ${String(compared)} ratios.`,
        ]),
    ...regressions(sound, sound).map((each) => `The benchmark finds a fault where there is none: ${each}`),
  ];
}
