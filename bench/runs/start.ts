import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitOf, frontDoorOf } from "../../scripts/children.ts";
import { treeCpuMicros, treeRssBytes } from "../harness/machine.ts";
import type { Run } from "../harness/measure.ts";
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

/** Starts the platform, looks at it for so long while it has nothing to do, and ends it. */
async function start(data: string, idleMs: number): Promise<Started> {
  const began = performance.now();
  const args = [path.join(root, "systems/main.ts"), "--port=0", "--service-port=0", `--data=${data}`];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    cwd: root,
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
    "The platform in one process, started by node itself: from the launch to ready, on data that is there, and the first time on an empty folder. Then left alone: what it holds resident, and the CPU that it uses (of one core; read from /proc, in ticks of 10 ms).",
  async measure({ quick }) {
    await using data = await temporaryFolder();
    const first = await start(data.folder, 0);
    const later = [];
    for (let round = 0; round < 3; round += 1)
      later.push(await start(data.folder, quick ? (round === 0 ? 3_000 : 0) : 10_000));
    const rss = later.flatMap(({ rssMiB }) => rssMiB ?? []);
    const cpu = later.flatMap(({ cpuPercent }) => cpuPercent ?? []);
    const figure = { kind: "figure", better: "lower" } as const;
    return [
      { ...figure, unit: "s", goal: 1, name: "ready", label: "ready", rounds: later.map(({ seconds }) => seconds) },
      { ...figure, unit: "s", name: "first", label: "ready, on an empty folder", rounds: [first.seconds] },
      // Only where the system tells.
      ...(rss.length === 0
        ? []
        : ([
            { ...figure, unit: "MiB", goal: 200, name: "rss", label: "resident memory, idle", rounds: rss },
            { ...figure, unit: "%", goal: 1, name: "cpu", label: "CPU, idle", rounds: cpu },
          ] as const)),
    ];
  },
};
