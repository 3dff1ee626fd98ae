import { isBusy } from "./harness/machine.ts";
import { median, meetsGoal, type Measure, type Run } from "./harness/measure.ts";
import type { Committed, Results } from "./results.ts";

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    row(columns),
    row(columns.map((name) => (/^(median|µs|share|value)/.test(name) ? "--:" : "---"))),
    ...rows.map(row),
  ].join("\n");

/** Three digits, and no more behind the point than that leaves. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const digits = Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const withUnit = (text: string, unit: Measure["unit"]): string =>
  unit === "" || unit === "orders" ? text : unit === "/s" ? `${text}${unit}` : `${text} ${unit}`;

/** `0.91 (0.88–0.93)`; one round has no spread. */
export function spread({ rounds, unit }: Measure): string {
  const value = withUnit(figure(median(rounds)), unit);
  return rounds.length < 2 ? value : `${value} (${figure(Math.min(...rounds))}–${figure(Math.max(...rounds))})`;
}

const goalText = ({ better, goal, unit }: Measure): string =>
  goal === undefined ? "" : goal === 0 ? "0" : `${better === "higher" ? "≥" : "≤"} ${withUnit(String(goal), unit)}`;

const mark = (measure: Measure): string =>
  ({ true: "✓", false: "✗", undefined: "" })[`${meetsGoal(measure) ?? "undefined"}`];

const useText = ({ machine }: Committed): string =>
  `${machine.othersPercent === undefined ? "" : `others used ${String(machine.othersPercent)} % of the machine, `}load ${machine.load.toFixed(1)}${isBusy(machine) ? "; **too busy to believe**" : ""}`;

const command = ({ name, onlyNamed }: Run): string =>
  `\`npm run bench -- ${onlyNamed === true ? "--write " : ""}${name}\``;

/** docs/benchmarks.md, of what is committed. */
export function page(results: Results, runs: readonly Run[]): string {
  const measured = runs.flatMap((run) => {
    const committed = results.runs[run.name];
    return committed === undefined ? [] : [{ run, committed }];
  });
  const goals = measured.flatMap(({ run, committed }) =>
    committed.measures
      .filter(({ goal }) => goal !== undefined)
      .map((measure) => [
        run.name,
        measure.label,
        goalText(measure),
        spread(measure),
        `${mark(measure)}${isBusy(committed.machine) ? " busy" : ""}`,
        command(run),
      ]),
  );
  const missing = runs.filter(({ name }) => results.runs[name] === undefined).map(({ name }) => name);
  return [
    "<!-- Written by `npm run bench -- --write`, from bench/results; change the code instead. -->",
    "",
    "# Benchmarks",
    "",
    `Measured on ${results.machine.text}. The clients run on the same cores. Subjects take turns, round by round, and ratios are of one round; what is shown is the median, with the least and the most of all rounds. \`npm run bench\` measures all of it, \`npm run bench -- --quick\` in little time, and fails where a ratio is a third worse than here. Each section says what else the machine did meanwhile; figures marked as busy say more about that.`,
    "",
    table(["run", "measured", "goal", "median (spread)", "", "again"], goals),
    ...(missing.length === 0 ? [] : ["", `Not measured yet: ${missing.join(", ")}.`]),
    "",
    ...measured.flatMap(({ run, committed }) => [section(run, committed), ""]),
  ].join("\n");
}

const titles: Readonly<Record<string, string>> = {
  profile: "Where each microsecond goes",
  peers: "Peers, for reference",
};

function section(run: Run, committed: Committed): string {
  const { commit, date, node, seconds, measures } = committed;
  const source = `${date}, commit ${commit}, Node ${node}, ${figure(seconds)} s; ${useText(committed)}.`;
  const plain = [`## ${titles[run.name] ?? run.name}`, "", run.about, ""];
  if (run.told === true)
    return [
      ...plain,
      table(
        ["peer and figure", "value"],
        measures.map((each) => [each.label, spread(each)]),
      ),
    ].join("\n");
  if (run.name === "profile") {
    const total = measures.reduce((sum, { rounds }) => sum + median(rounds), 0);
    const rows = measures.map((each) => [
      each.label,
      figure(median(each.rounds)),
      `${((median(each.rounds) / total) * 100).toFixed(0)} %`,
    ]);
    const all = ["**all**", figure(total), "100 %"];
    return [...plain, table(["group", "µs an order", "share"], [...rows, all]), "", source].join("\n");
  }
  const rows = measures.map((each) => [each.label, spread(each), goalText(each), mark(each)]);
  const missed = measures.some((each) => meetsGoal(each) === false);
  const why = missed && run.inTheWay !== undefined ? [run.inTheWay, ""] : [];
  return [...plain, table(["measured", "median (spread)", "goal", ""], rows), "", ...why, source].join("\n");
}

/** What a terminal shows of a run. */
export const lines = (measures: readonly Measure[]): string =>
  measures
    .map((each) =>
      `  ${each.label.padEnd(48)} ${spread(each).padEnd(32)} ${goalText(each).padEnd(12)} ${mark(each)}`.trimEnd(),
    )
    .join("\n");
