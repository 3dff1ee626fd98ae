import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { burst, type Burst } from "./burst.ts";
import { treeCpuMicros } from "./machine.ts";
import { takeTurns } from "./measure.ts";
import { startProgram, type Program } from "./program.ts";

export const connections = 64;

/** A folder that is gone when `using` ends. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-bench-"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** What became of orders, by the rows of notifications: two an order. */
export interface Outcome {
  readonly lost: number;
  readonly doubled: number;
}

/** The peers' shop at work on a folder, in one process or several. */
export interface Shop extends AsyncDisposable {
  readonly program: Program;
  /** CPU of all its processes so far, in microseconds. */
  cpuMicros(): Promise<number>;
  /** Resolves when so many orders have both notifications; throws when none has come for 20 s. Milliseconds waited. */
  complete(orders: number): Promise<number>;
  outcome(accepted: readonly string[]): Outcome;
}

const pollMs = 10;
const stallMs = 20_000;

export interface ShopOptions {
  readonly entry: "shop/main.ts" | "floor/sqlite.ts";
  readonly folder: string;
  /** Arguments of each of its processes. @default one process without any */
  readonly processes?: readonly (readonly string[])[];
  readonly execArgv?: readonly string[];
}

/** The first process of the list serves orders. */
export async function openShop({ entry, folder, processes = [[]], execArgv = [] }: ShopOptions): Promise<Shop> {
  const programs: Program[] = [];
  for (const args of processes) programs.push(await startProgram(entry, [folder, ...args], execArgv));
  const [program] = programs;
  if (program === undefined) throw new Error("A shop has at least one process.");
  const db = new DatabaseSync(path.join(folder, "notifications.db"), { readOnly: true });
  // Rows are only added: the last one's id is their number.
  const count = db.prepare("SELECT coalesce(max(rowid), 0) AS rows FROM notifications");
  const rows = () => Number(count.get()?.["rows"]);
  return {
    program,
    async cpuMicros() {
      // One process tells to the microsecond; a tree is read from the system, by ticks of 10 ms.
      if (programs.length === 1 && !processes.flat().includes("--processes")) return (await program.usage()).cpuMicros;
      return programs.reduce((sum, { pid }) => sum + (treeCpuMicros(pid) ?? Number.NaN), 0);
    },
    async complete(orders) {
      const began = performance.now();
      let seen = rows();
      let since = began;
      while (seen < orders * 2) {
        await sleep(pollMs);
        const now = rows();
        if (now > seen) since = performance.now();
        else if (performance.now() - since > stallMs)
          throw new Error(`${entry}: ${String(now)} notifications of ${String(orders)} orders, and no more come.`);
        seen = now;
      }
      return performance.now() - began;
    },
    outcome: (accepted) => outcomeOf(db, accepted),
    async [Symbol.asyncDispose]() {
      db.close();
      await Promise.all(programs.map((each) => each.stop()));
    },
  };
}

const kinds = ["stock.updated", "order.paid"];

/** An order is lost when one of its notifications is missing, and doubled when one is there twice. */
export function outcomeOf(db: DatabaseSync, accepted: readonly string[]): Outcome {
  const select = db.prepare("SELECT kind, count(*) AS times FROM notifications WHERE order_id = ? GROUP BY kind");
  let [lost, doubled] = [0, 0];
  for (const id of accepted) {
    const times = new Map(select.all(id).map((row) => [String(row["kind"]), Number(row["times"])]));
    if (kinds.some((kind) => !times.has(kind))) lost += 1;
    if ([...times.values()].some((each) => each > 1)) doubled += 1;
  }
  return { lost, doubled };
}

export interface OrdersRate extends Outcome {
  readonly acceptedPerSecond: number;
  readonly completePerSecond: number;
  /** CPU of the shop, in microseconds an order, until the last was complete. */
  readonly cpuMicros: number;
}

/** `before` orders are there already. Throws where an order was not accepted. */
export async function orderBurst(
  shop: Shop,
  requests: number,
  before: number,
): Promise<OrdersRate & { readonly accepted: Burst["accepted"] }> {
  const cpu = await shop.cpuMicros();
  const { accepted, ms, statuses } = await burst(shop.program.url, { requests, connections });
  if (accepted.length < requests)
    throw new Error(`Not every order was accepted: ${[...statuses].map((each) => each.join(" × ")).join(", ")}`);
  const total = ms + (await shop.complete(before + requests));
  return {
    accepted,
    acceptedPerSecond: (requests / ms) * 1_000,
    completePerSecond: (requests / total) * 1_000,
    cpuMicros: ((await shop.cpuMicros()) - cpu) / requests,
    ...shop.outcome(accepted),
  };
}

/** Shops that live through all rounds and take turns, each after a warm-up; `before` orders are in them already. Throws where one is lost or doubled. */
export async function burstsInTurn(
  shops: readonly { readonly shop: Shop; readonly before?: number }[],
  { warmUp, requests, rounds }: { readonly warmUp: number; readonly requests: number; readonly rounds: number },
): Promise<readonly (readonly OrdersRate[])[]> {
  for (const { shop, before = 0 } of shops) await orderBurst(shop, warmUp, before);
  const results = await takeTurns(
    rounds,
    shops.map(
      ({ shop, before = 0 }) =>
        (round: number) =>
          orderBurst(shop, requests, before + warmUp + round * requests),
    ),
  );
  refuseLosses("a burst", results.flat());
  return results;
}

/** Must be none, whatever was measured. */
export function refuseLosses(what: string, outcomes: readonly Outcome[]): void {
  for (const { lost, doubled } of outcomes)
    if (lost > 0 || doubled > 0) throw new Error(`${what}: ${String(lost)} orders lost, ${String(doubled)} doubled`);
}
