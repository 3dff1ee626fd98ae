import type { MachineUse } from "./machine.ts";

export interface Measure {
  /** Never changes: what is measured anew is compared with what is committed by it. */
  readonly name: string;
  /** As the page says it. */
  readonly label: string;
  readonly unit: "" | "/s" | "µs" | "ms" | "s" | "MiB" | "%" | "orders";
  /** Ratios are compared with what is committed; absolute figures are told. */
  readonly kind: "ratio" | "figure";
  readonly better: "higher" | "lower";
  readonly goal?: number | undefined;
  /** A round each, in their order. */
  readonly rounds: readonly number[];
}

export interface Context {
  readonly quick: boolean;
  /** A line of progress. */
  say(line: string): void;
}

/** One row of `npm run bench`. */
export interface Run {
  readonly name: string;
  /** Two sentences for the page: what is measured, and what it is measured against. */
  readonly about: string;
  /** Told where a goal is not reached: where the time goes, what was tried and what came of it, what is in the way. */
  readonly inTheWay?: string;
  /** Takes so long that it runs where it is named, or with `--quick`, which makes it small. @default false */
  readonly onlyNamed?: boolean;
  /** Tells of the rounds of that run, where it was measured before. */
  readonly shares?: string;
  /** Facts from elsewhere: nothing is measured. @default false */
  readonly told?: boolean;
  measure(context: Context): Promise<readonly Measure[]>;
}

export interface Measured {
  readonly measures: readonly Measure[];
  readonly seconds: number;
  readonly machine: MachineUse;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + high) / 2 : high;
}

/** Subjects take turns, A B A B A B, so that what else the machine does falls on all of them. The results of each, in the order of the rounds. */
export async function takeTurns<T>(
  rounds: number,
  subjects: readonly ((round: number) => Promise<T>)[],
): Promise<readonly (readonly T[])[]> {
  const results: T[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [at, subject] of subjects.entries()) results[at]?.push(await subject(round));
  return results;
}

/** Round by round, so that a slow minute of the machine is in both. */
export const quotients = (above: readonly number[], below: readonly number[]): readonly number[] =>
  above.map((value, round) => value / (below[round] ?? Number.NaN));

export const meetsGoal = ({ better, goal, rounds }: Measure): boolean | undefined => {
  if (goal === undefined) return undefined;
  const value = median(rounds);
  return better === "higher" ? value >= goal : value <= goal;
};

/** By so much a ratio may be worse than what is committed: a third less, or, where lower is better, half as much again, which is the same. */
const worst = 2 / 3;

/** Ratios that are worse than those committed, as sentences. */
export function regressions(
  now: ReadonlyMap<string, readonly Measure[]>,
  committed: ReadonlyMap<string, readonly Measure[]>,
): readonly string[] {
  return [...now].flatMap(([run, measures]) =>
    measures.flatMap(({ name, label, kind, better, rounds }) => {
      const before = committed.get(run)?.find((each) => each.name === name);
      if (kind !== "ratio" || before === undefined) return [];
      const [was, is] = [median(before.rounds), median(rounds)];
      const share = better === "higher" ? is / was : was / is;
      // What is no number fails, too.
      return share >= worst ? [] : [`${run}: ${label} is ${is.toFixed(2)}, was ${was.toFixed(2)}`];
    }),
  );
}
