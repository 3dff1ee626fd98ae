import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import path from "node:path";
import { exitOf } from "../../scripts/children.ts";
import { childrenOf, treeCpuMicros } from "../harness/machine.ts";
import type { Run } from "../harness/measure.ts";

const entry = path.join(import.meta.dirname, "../../demo/main.ts");

/** How often the platform's CPU is looked at: what it uses after the last look is not seen. */
const lookMs = 100;

/** One demo on a platform of its own; throws where its own count does not balance. */
async function demo(requests: number) {
  const args = [entry, "--standalone", "--system=commerce", `--requests=${String(requests)}`, "--seed=7"];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let cpuMicros = 0;
  const look = setInterval(() => {
    // The platform is what the demo has started.
    for (const pid of childrenOf(child.pid ?? 0)) cpuMicros = Math.max(cpuMicros, treeCpuMicros(pid) ?? 0);
  }, lookMs);
  const [code, said] = await Promise.all([exitOf(child), text(child.stdout)]).finally(() => clearInterval(look));
  const [, rate = ""] = /\((\d+)\/s\), all of it at rest/.exec(said) ?? [];
  const [, seconds = ""] = /at rest after ([\d.]+) s/.exec(said) ?? [];
  const [, accepted = ""] = /accepted (\d+), lost 0, doubled 0/.exec(said) ?? [];
  if (code !== 0 || accepted === "") throw new Error(`The demo ended with ${String(code)}:\n${said}`);
  return { requests: Number(rate), orders: Number(accepted) / Number(seconds), cpuMicros: cpuMicros / requests };
}

export const platform: Run = {
  name: "platform",
  about:
    "The platform's own shop under `npm run demo`: customers join, orders with reservations, charges, invoices and mails, twins and nonsense among them, through the front door. It does more than the peers' shop and is told beside it; its demo counts lost and doubled itself, and one of either fails the run. CPU is that of the platform from its start on.",
  async measure({ quick }) {
    const rounds = [];
    for (let round = 0; round < (quick ? 1 : 3); round += 1) rounds.push(await demo(quick ? 600 : 4_000));
    const figure = { kind: "figure", unit: "/s", better: "higher" } as const;
    return [
      { ...figure, name: "requests", label: "requests", rounds: rounds.map(({ requests }) => requests) },
      { ...figure, name: "orders", label: "orders at rest", rounds: rounds.map(({ orders }) => orders) },
      {
        ...figure,
        name: "cpu",
        label: "CPU of a request and what follows",
        unit: "µs",
        better: "lower",
        rounds: rounds.map(({ cpuMicros }) => cpuMicros),
      },
    ];
  },
};
