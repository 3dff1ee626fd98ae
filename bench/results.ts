import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Measured } from "./harness/measure.ts";
import { machineClass, machineText } from "./harness/machine.ts";

/** What a machine measured last of each run. */
export interface Results {
  readonly machine: { readonly class: string; readonly text: string };
  readonly runs: Readonly<Record<string, Committed>>;
}
export interface Committed extends Measured {
  /** Of the code that was measured; with a `+` where it had changes. */
  readonly commit: string;
  /** RFC 3339, the day. */
  readonly date: string;
  readonly node: string;
}

const root = path.join(import.meta.dirname, "..");
/** The machine whose results the page shows, and with which others compare their ratios. */
export const reference = "linux-x64-2-cores";

const fileOf = (machine: string): string => path.join(import.meta.dirname, "results", `${machine}.json`);

export function readResults(machine: string): Results | undefined {
  const file = fileOf(machine);
  // Proof: written by `writeResults`.
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : undefined;
}

/** Of this kind of machine, or else of the reference. */
export const committedResults = (): Results | undefined => readResults(machineClass()) ?? readResults(reference);

/** Runs that were not measured this time stay as they were. */
export function writeResults(measured: ReadonlyMap<string, Measured>): Results {
  const about = { commit: commit(), date: new Date().toISOString().slice(0, 10), node: process.version };
  const runs = Object.fromEntries([...measured].map(([name, run]) => [name, { ...about, ...run }]));
  const results: Results = {
    machine: { class: machineClass(), text: machineText() },
    runs: { ...readResults(machineClass())?.runs, ...runs },
  };
  const file = fileOf(machineClass());
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
  return results;
}

/** Five digits are more than any of them holds. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;

function commit(): string {
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changed = git(
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    "kit",
    "systems",
    "bench",
    ":!bench/results",
  );
  return `${git("rev-parse", "--short", "HEAD")}${changed === "" ? "" : "+"}`;
}
