import { faultPoints, seededRandom, type FaultPoint, type Random } from "../runtime/index.ts";
import { isVictim, Victim } from "./crash-process.ts";
import { settled, type Reconciliation } from "./crash-settled.ts";

/** What a crash run needs to know of a system: how to start it, how to load it, and what must be true of its data. */
export interface CrashScenario {
  /** Entry and arguments of the platform. */
  readonly args: readonly string[];
  /** Load that goes on through every crash. */
  load(options: { readonly random: Random; readonly data: string; readonly url: () => string }): CrashLoad;
  /** Violations, as sentences: what the client knows against what the stores hold, read through read-only connections. */
  reconcile(data: string): Promise<Reconciliation>;
}

export interface CrashLoad {
  /** Lets no new request begin, and resolves when all have an answer. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export interface CrashOptions {
  readonly data: string;
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Fault points that this system cannot pass. */
  readonly except?: readonly FaultPoint[];
}

export interface CrashReport {
  readonly kills: number;
  /** How often each point was passed, how often it killed, and how many units were in flight then. */
  readonly points: Readonly<
    Record<string, { readonly passed: number; readonly killed: number; readonly inFlight: number }>
  >;
  readonly violations: readonly string[];
}

const every = 20;
const pointMs = 4_000;

/** One continuous run: load, SIGKILL at a named point or at random, restart on the same data; reconciled at every 20th kill and at the end. */
export async function crash(
  scenario: CrashScenario,
  { data, kills, seed, say, except = [] }: CrashOptions,
): Promise<CrashReport> {
  const random = seededRandom(seed);
  const points = faultPoints.filter((point) => !except.includes(point));
  const count = new Map(points.map((point) => [point, { passed: 0, killed: 0, inFlight: 0 }]));
  const violations: string[] = [];
  let url = "";
  const load = scenario.load({ random: seededRandom(seed + 1), data, url: () => url });
  const note = (hits: Readonly<Partial<Record<FaultPoint, number>>>) => {
    for (const point of points) {
      const at = count.get(point);
      if (at !== undefined) at.passed += hits[point] ?? 0;
    }
  };
  const check = async (when: string) => {
    const victim = await Victim.start({ args: scenario.args, data });
    if (!isVictim(victim)) {
      violations.push(`The platform did not start ${when}.`);
      return;
    }
    url = victim.url;
    await load.pause();
    const { compared, violations: found } = await settled(() => scenario.reconcile(data));
    await victim.stop();
    violations.push(...found.map((violation) => `${when}: ${violation}`));
    say(`${when}: ${compared}, ${found.length === 0 ? "all as it must be" : `${String(found.length)} violations`}`);
  };
  for (let kill = 1; kill <= kills && violations.length === 0; kill += 1) {
    // Three of four kills are at a point, round and round, the other one at any time.
    const point = kill % 4 === 0 ? undefined : points[(kill - Math.floor(kill / 4) - 1) % points.length];
    // Late enough to have work in flight, but for what comes seldom.
    const hit = 1 + Math.floor(random.next() * (point === undefined || /^(lease|dead-letter):/.test(point) ? 4 : 200));
    const victim = await Victim.start({
      args: scenario.args,
      data,
      env: {
        HOLDFAST_FAULT_FAIL: "consumer:handling:0.3",
        ...(point === undefined ? {} : { HOLDFAST_FAULT: `${point}:${String(hit)}` }),
      },
    });
    if (isVictim(victim)) url = victim.url;
    const report = isVictim(victim)
      ? await victim.end(point === undefined ? 100 + random.next() * 700 : pointMs)
      : victim;
    note(report.hits);
    const at = report.killedAt === undefined ? undefined : count.get(report.killedAt);
    if (at !== undefined) {
      at.killed += 1;
      at.inFlight += report.inFlight;
    }
    if (kill % every === 0 && kill !== kills) {
      await check(`after kill ${String(kill)}`);
      load.resume();
    }
  }
  // Not resumed: every request has its answer, and nobody is there to give another.
  await check(`after kill ${String(kills)}`);
  await load.stop();
  for (const [point, { passed }] of count)
    if (passed === 0) violations.push(`The fault point ${point} was never passed.`);
  return { kills, points: Object.fromEntries(count), violations };
}

/** The report as a table of text. */
export function crashTable({ points }: CrashReport): string {
  const rows = Object.entries(points).map(([point, { passed, killed, inFlight }]) => [
    point,
    String(passed),
    String(killed),
    String(inFlight),
  ]);
  return [["fault point", "passed", "killed", "units in flight"], ...rows]
    .map(([name = "", ...figures]) => `${name.padEnd(22)}${figures.map((figure) => figure.padStart(16)).join("")}`)
    .join("\n");
}
