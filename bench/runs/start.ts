import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitOf, frontDoorOf } from "../../scripts/children.ts";
import { fastStart } from "../../scripts/bundles.mjs";
import { treeCpuMicros, treeRssBytes } from "../harness/machine.ts";
import type { Measure, Run } from "../harness/measure.ts";
import { temporaryFolder } from "../harness/shop.ts";

const root = path.join(import.meta.dirname, "../..");
/** What a start leaves to be done later is done by then. */
const settleMs = 2_000;

interface Started {
  readonly seconds: number;
  readonly rssMiB?: number;
  /** Of one core. */
  readonly cpuPercent?: number;
}

/** Starts systems, the whole platform where none is named, looks at it for so long while it has nothing to do, and ends it. */
async function start(systems: readonly string[], data: string, idleMs: number): Promise<Started> {
  const began = performance.now();
  const args = [path.join(root, "systems/main.ts"), ...systems, "--port=0", "--service-port=0", `--data=${data}`];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    cwd: root,
    env: { ...process.env, ...fastStart(process.env) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = exitOf(child);
  try {
    const url = await frontDoorOf(child);
    const seconds = (performance.now() - began) / 1_000;
    const health = await fetch(`${url}/health/live`);
    if (!health.ok) throw new Error(`A platform that said it was ready answered with ${String(health.status)}.`);
    const pid = child.pid ?? 0;
    if (idleMs === 0) return { seconds };
    await sleep(settleMs);
    const [before, since] = [treeCpuMicros(pid), performance.now()];
    await sleep(idleMs);
    const [after, until] = [treeCpuMicros(pid), performance.now()];
    const rss = treeRssBytes(pid);
    if (before === undefined || after === undefined || rss === undefined) return { seconds };
    return { seconds, rssMiB: rss / 2 ** 20, cpuPercent: ((after - before) / 1_000 / (until - since)) * 100 };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

export const startUp: Run = {
  name: "start",
  about:
    "The shop in one process, as `npm start commerce` starts it: from the launch of node to ready, on data that is there, and the first time on an empty folder. Then left alone: what it holds resident, and the CPU that it uses (of one core; read from /proc, in ticks of 10 ms). The same of the whole platform, both systems in one process.",
  inTheWay:
    "In the way, where it is the CPU: an idle platform looks every 250 ms, and on every change of a file, whether there is work; what a look costs is not the same at every hour of a machine that others use. At e3a2716 it was 0.7 % (0.6–1.0); the same commit, measured again beside what is measured now, took 2.7 %.",
  async measure({ quick }) {
    await using data = await temporaryFolder();
    await using allData = await temporaryFolder();
    const shop = ["commerce"];
    const first = await start(shop, data.folder, 0);
    await start([], allData.folder, 0);
    const later: Started[] = [];
    const all: Started[] = [];
    for (let round = 0; round < 3; round += 1) {
      const idleMs = quick ? (round === 0 ? 3_000 : 0) : 10_000;
      later.push(await start(shop, data.folder, idleMs));
      if (round === 0 || !quick) all.push(await start([], allData.folder, idleMs));
    }
    const goals = { ready: 1, rss: 200, cpu: 1 };
    return [
      ...figures(later, { prefix: "", goals }),
      { ...figure, unit: "s", name: "first", label: "ready, on an empty folder", rounds: [first.seconds] },
      ...figures(all, { prefix: "platform-", goals: {} }),
    ];
  },
};

const figure = { kind: "figure", better: "lower" } as const;

interface Shown {
  /** Of each name; a label says the same in words. */
  readonly prefix: "" | "platform-";
  readonly goals: { readonly ready?: number; readonly rss?: number; readonly cpu?: number };
}

/** What it holds and uses only where the system tells. */
function figures(started: readonly Started[], { prefix, goals }: Shown): readonly Measure[] {
  const rss = started.flatMap(({ rssMiB }) => rssMiB ?? []);
  const cpu = started.flatMap(({ cpuPercent }) => cpuPercent ?? []);
  const ready = started.map(({ seconds }) => seconds);
  const all: readonly Measure[] = [
    { ...figure, unit: "s", goal: goals.ready, name: "ready", label: "ready", rounds: ready },
    { ...figure, unit: "MiB", goal: goals.rss, name: "rss", label: "resident memory, idle", rounds: rss },
    { ...figure, unit: "%", goal: goals.cpu, name: "cpu", label: "CPU, idle", rounds: cpu },
  ];
  return all
    .filter(({ rounds }) => rounds.length > 0)
    .map((each) => ({
      ...each,
      name: `${prefix}${each.name}`,
      label: `${prefix === "" ? "" : "whole platform: "}${each.label}`,
    }));
}
