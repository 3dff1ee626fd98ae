// `node bench/profile.ts [--orders 10000]`: where the time of an order goes: V8's profile of the shop's thread under a burst, its samples put into groups.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { openShop, orderBurst, temporaryFolder } from "./harness/shop.ts";

export const groups = [
  "HTTP",
  "validation",
  "the kit's units",
  "Kysely",
  "SQLite statements",
  "commits",
  "relay and log",
  "consumers",
  "the shop's handlers",
  "GC",
  "native code and the event loop",
  "idle",
] as const;
export type Group = (typeof groups)[number];

/** The part of a `.cpuprofile` that is read: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

const byName: ReadonlyMap<string, Group> = new Map([
  ["(garbage collector)", "GC"],
  ["(idle)", "idle"],
  ["(program)", "native code and the event loop"],
]);
/** The first that fits; what fits none belongs to whoever called it. */
const byFile: readonly (readonly [RegExp, Group])[] = [
  [/\/node_modules\/kysely\//, "Kysely"],
  [/\/kit\/sql\/kysely\.ts$/, "Kysely"],
  [/\/node_modules\/(typebox|ajv|ajv-formats|fast-uri)\/|\/kit\/contract\//, "validation"],
  [/\/kit\/sql\/sqlite\.ts$|^node:sqlite/, "SQLite statements"],
  [/\/kit\/brokers\/|\/kit\/messaging\/(relay|held-lease|wake)\.ts$|\/kit\/sql\/group-writer\.ts$/, "relay and log"],
  [
    /\/kit\/messaging\/(consumer|intake|subscription|decode|pace|retries|retry)\.ts$|\/kit\/sql\/(intake|message-unit)\.ts$|\/kit\/service\/consumers\.ts$/,
    "consumers",
  ],
  [
    /\/kit\/http\/|\/node_modules\/(fastify|find-my-way|avvio|light-my-request|secure-json-parse|@fastify)\/|^node:(_http|http|net|internal\/(http|stream|streams)|internal\/js_stream)/,
    "HTTP",
  ],
  [/\/kit\//, "the kit's units"],
  [/\/bench\/shop\//, "the shop's handlers"],
];

const groupOf = ({ functionName, url }: ProfileNode["callFrame"]): Group | undefined => {
  if (url.endsWith("/kit/sql/sqlite.ts") && functionName === "commit") return "commits";
  return byName.get(functionName) ?? byFile.find(([pattern]) => pattern.test(url))?.[1];
};

/** Microseconds by group, of the samples between two moments of the monotonic clock (microseconds). */
export function grouped(
  { nodes, samples, timeDeltas, startTime }: Profile,
  from: number,
  to: number,
): ReadonlyMap<Group, number> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const known = new Map(nodes.map(({ id, callFrame }) => [id, groupOf(callFrame)]));
  const found = (id: number | undefined): Group =>
    id === undefined ? "native code and the event loop" : (known.get(id) ?? found(parents.get(id)));
  const totals = new Map<Group, number>(groups.map((group) => [group, 0]));
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index] ?? 0;
    at += micros;
    if (at < from || at > to) continue;
    const group = found(id);
    totals.set(group, (totals.get(group) ?? 0) + micros);
  }
  return totals;
}

const nowMicros = (): number => Number(process.hrtime.bigint() / 1_000n);

/** Microseconds of an order by group. */
export async function profile({
  warmUp,
  orders,
}: {
  readonly warmUp: number;
  readonly orders: number;
}): Promise<ReadonlyMap<Group, number>> {
  await using data = await temporaryFolder();
  await using profiles = await temporaryFolder();
  const execArgv = ["--cpu-prof", `--cpu-prof-dir=${profiles.folder}`, "--cpu-prof-interval=250"];
  const [from, to] = await (async () => {
    await using shop = await openShop({ entry: "shop/main.ts", folder: data.folder, execArgv });
    await orderBurst(shop, warmUp, 0);
    const began = nowMicros();
    await orderBurst(shop, orders, warmUp);
    return [began, nowMicros()];
  })();
  const [file] = readdirSync(profiles.folder).filter((name) => name.endsWith(".cpuprofile"));
  if (file === undefined) throw new Error("The shop left no profile.");
  // Proof: written by this Node's V8, as its protocol says.
  const written = JSON.parse(readFileSync(path.join(profiles.folder, file), "utf8")) as Profile;
  const totals = grouped(written, from ?? 0, to ?? 0);
  return new Map([...totals].map(([group, micros]) => [group, micros / orders]));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { orders: { type: "string", default: "10000" } } });
  for (const [group, micros] of await profile({ warmUp: 2_000, orders: Number(values.orders) }))
    console.log(`${group.padEnd(32)} ${micros.toFixed(1).padStart(8)} µs an order`);
}
