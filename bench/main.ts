// `npm run bench [-- --quick] [--write] [--self-test] [names…]`: measures the kit beside what it stands on, on one machine in one run. `--write` keeps the
// results in bench/results and writes docs/benchmarks.md; `--check` tells whether that page is what the results say. `--quick` fails where a ratio is a
// third worse than committed, and where it would not notice that.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { stale } from "../scripts/reference.ts";
import { root, runMain } from "../scripts/repository.ts";
import { isBusy, watchMachine } from "./harness/machine.ts";
import { regressions, type Context, type Measured } from "./harness/measure.ts";
import { lines, page } from "./page.ts";
import { committedResults, readResults, reference, writeResults } from "./results.ts";
import { runs } from "./runs/index.ts";
import { selfTest } from "./self-test.ts";

const file = "docs/benchmarks.md";
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    "self-test": { type: "boolean", default: false },
  },
});

if (values.check) runMain("benchmarks", checkPage);
else if (values.quick && values.write) refuse("--quick is too short for figures that are kept: leave out --write.");
else await main();

function refuse(why: string): void {
  console.error(why);
  process.exitCode = 1;
}

function checkPage(): string[] {
  const results = readResults(reference);
  if (results === undefined) return [`bench/results/${reference}.json is missing`];
  return stale(
    (name) => (existsSync(path.join(root, name)) ? readFileSync(path.join(root, name), "utf8") : undefined),
    {
      [file]: page(results, runs),
    },
  );
}

async function main(): Promise<void> {
  const unknown = names.filter((name) => !runs.some((run) => run.name === name));
  if (unknown.length > 0) {
    refuse(`There is no run ${unknown.join(", ")}; there are: ${runs.map(({ name }) => name).join(", ")}`);
    return;
  }
  const began = performance.now();
  const faults: string[] = [];
  const onlySelf = values["self-test"] && names.length === 0 && !values.quick;
  const measured = onlySelf ? new Map<string, Measured>() : await measureAll(faults);
  if (values.quick || values["self-test"]) {
    console.log("\nself-test");
    faults.push(...(await selfTest((line) => console.log(line))));
  }
  if (values.quick) faults.push(...compare(measured));
  console.log(`\n${((performance.now() - began) / 1_000).toFixed(0)} s in all`);
  for (const fault of faults) refuse(fault);
}

/** The named ones; without names all but those that take very long, and with `--quick` those, too. */
async function measureAll(faults: string[]): Promise<ReadonlyMap<string, Measured>> {
  const context: Context = { quick: values.quick, say: (line) => console.log(line) };
  const measured = new Map<string, Measured>();
  const chosen = runs.filter(({ name, onlyNamed }) =>
    names.length > 0 ? names.includes(name) : values.quick || onlyNamed !== true,
  );
  for (const run of chosen) {
    console.log(`\n${run.name}`);
    const watched = watchMachine();
    const since = performance.now();
    const measures = await run.measure(context).catch((error: unknown) => {
      // The others are measured all the same.
      console.error(error);
      faults.push(`${run.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (measures === undefined) continue;
    const own = { seconds: (performance.now() - since) / 1_000, machine: watched() };
    const { seconds, machine } = measured.get(run.shares ?? "") ?? own;
    measured.set(run.name, { measures, seconds, machine });
    // At once: what ends a later run takes nothing away.
    if (values.write) keep(new Map([[run.name, { measures, seconds, machine }]]));
    const { load, othersPercent } = machine;
    console.log(lines(measures));
    if (run.told === true) continue;
    console.log(
      `  ${seconds.toFixed(1)} s, load ${load.toFixed(1)}, others used ${othersPercent === undefined ? "an unknown share" : `${String(othersPercent)} %`} of the machine${isBusy(machine) ? ": TOO BUSY TO BELIEVE" : ""}`,
    );
  }
  return measured;
}

function keep(measured: ReadonlyMap<string, Measured>): void {
  const results = writeResults(measured);
  if (results.machine.class === reference) writeFileSync(path.join(root, file), page(results, runs));
}

function compare(measured: ReadonlyMap<string, Measured>): readonly string[] {
  const committed = committedResults();
  if (committed === undefined) return ["There are no committed results to compare with."];
  const measures = (of: Iterable<readonly [string, Measured]>) =>
    new Map([...of].map(([name, run]) => [name, run.measures]));
  return regressions(measures(measured), measures(Object.entries(committed.runs)));
}
