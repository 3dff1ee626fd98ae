import { existsSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";

/** What else the machine did while a run measured. */
export interface MachineUse {
  /** Load average of the last minute, at the end. */
  readonly load: number;
  /** Per cent of all cores that neither this process nor what it started used; undefined where the system does not tell. */
  readonly othersPercent: number | undefined;
}

/** Above this the figures say more about the machine's other work than about what was measured. */
const busyPercent = 10;
export const isBusy = ({ load, othersPercent }: MachineUse): boolean =>
  othersPercent === undefined ? load > os.availableParallelism() * 1.5 : othersPercent > busyPercent;

/** Of `/proc`: a tick is 10 ms on every Linux that Node runs on. */
const tickMicros = 10_000;

/** Begins to watch; the result ends it and tells. */
export function watchMachine(): () => MachineUse {
  const before = snapshot();
  return () => {
    const after = snapshot();
    const load = os.loadavg()[0] ?? 0;
    // A run that only tells takes no time.
    if (before === undefined || after === undefined || after.total === before.total)
      return { load, othersPercent: undefined };
    const others = after.busy - before.busy - (after.own - before.own);
    return { load, othersPercent: Math.max(0, Math.round((others / (after.total - before.total)) * 100)) };
  };
}

/** CPU of a process and all below it, those that have ended included, in microseconds; undefined where the system does not tell. */
export function treeCpuMicros(pid: number): number | undefined {
  const fields = statOf(pid);
  if (fields === undefined) return undefined;
  // utime, stime, and of the children that were waited for: cutime, cstime.
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * tickMicros;
  return childrenOf(pid).reduce((sum, child) => sum + (treeCpuMicros(child) ?? 0), own);
}

/** Resident memory of a process and all below it; undefined where the system does not tell. */
export function treeRssBytes(pid: number): number | undefined {
  const status = textOf(`/proc/${String(pid)}/status`);
  if (status === undefined) return undefined;
  const own = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  return childrenOf(pid).reduce((sum, child) => sum + (treeRssBytes(child) ?? 0), own);
}

interface Snapshot {
  readonly busy: number;
  readonly total: number;
  readonly own: number;
}

function snapshot(): Snapshot | undefined {
  const text = textOf("/proc/stat");
  const own = treeCpuMicros(process.pid);
  if (text === undefined || own === undefined) return undefined;
  // user nice system idle iowait irq softirq steal (proc(5)).
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = (
    text.split("\n")[0] ?? ""
  )
    .trim()
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * tickMicros);
  const busy = user + nice + system + irq + soft + stolen;
  return { busy, total: busy + idle + wait, own };
}

/** The numbers behind the name of the program, which may hold anything. */
function statOf(pid: number): readonly number[] | undefined {
  const text = textOf(`/proc/${String(pid)}/stat`);
  return text
    ?.slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
}

/** Processes that a process has started and that still run; none where the system does not tell. Each thread lists its own. */
export function childrenOf(pid: number): readonly number[] {
  const tasks = `/proc/${String(pid)}/task`;
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks).flatMap((task) =>
    (textOf(`${tasks}/${task}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

/** Undefined where there is no such file, or not any more. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** What figures may be compared within: `linux-x64-2-cores`. */
export const machineClass = (): string =>
  `${os.platform()}-${os.arch()}-${String(os.availableParallelism())}-core${os.availableParallelism() === 1 ? "" : "s"}`;

export const machineText = (): string => {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${String(os.availableParallelism())} × ${cpus[0]?.model.trim() ?? os.arch()}, ${String(memory)} GiB, ${os.type()}`;
};
