import { quotients, takeTurns, type Run } from "../harness/measure.ts";
import { openShop, orderBurst, refuseLosses, temporaryFolder, type ShopOptions } from "../harness/shop.ts";

/** One burst on a fresh shop, after a warm-up. */
export async function freshBurst(
  options: Omit<ShopOptions, "folder">,
  { warmUp, requests }: { readonly warmUp: number; readonly requests: number },
) {
  await using data = await temporaryFolder();
  await using shop = await openShop({ ...options, folder: data.folder });
  await orderBurst(shop, warmUp, 0);
  const { accepted: _, ...rate } = await orderBurst(shop, requests, warmUp);
  return rate;
}

export const orders: Run = {
  name: "orders",
  about:
    "An order in one process on SQLite at `synchronous=FULL`, from the POST to its second notification: accepted, stock reserved, billed, both told, five files in all. The kit's shop stands beside the same shop written by hand, which has nothing that could be used twice; fresh stores in each round, lost and doubled counted from the rows.",
  async measure({ quick }) {
    const burst = { warmUp: quick ? 1_000 : 2_000, requests: quick ? 3_000 : 20_000 };
    const [own = [], floor = []] = await takeTurns(3, [
      () => freshBurst({ entry: "shop/main.ts" }, burst),
      () => freshBurst({ entry: "floor/sqlite.ts" }, burst),
    ]);
    refuseLosses("orders", [...own, ...floor]);
    const complete = [own, floor].map((rounds) => rounds.map(({ completePerSecond }) => completePerSecond));
    const cpu = [own, floor].map((rounds) => rounds.map(({ cpuMicros }) => cpuMicros));
    const [ownSpeed = [], bareSpeed = []] = complete;
    const [ownCpu = [], bareCpu = []] = cpu;
    const figure = { kind: "figure", unit: "/s", better: "higher" } as const;
    const none = { kind: "figure", unit: "orders", better: "lower", goal: 0 } as const;
    return [
      {
        ...figure,
        kind: "ratio",
        unit: "",
        goal: 1,
        name: "speed",
        label: "complete orders/s, kit ÷ by hand",
        rounds: quotients(ownSpeed, bareSpeed),
      },
      {
        ...figure,
        kind: "ratio",
        unit: "",
        name: "cpu",
        label: "CPU of an order, by hand ÷ kit",
        rounds: quotients(bareCpu, ownCpu),
      },
      { ...none, name: "lost", label: "lost", rounds: own.map(({ lost }) => lost) },
      { ...none, name: "doubled", label: "doubled", rounds: own.map(({ doubled }) => doubled) },
      { ...figure, name: "kit-speed", label: "kit, complete", rounds: ownSpeed },
      { ...figure, name: "bare-speed", label: "by hand, complete", rounds: bareSpeed },
      { ...figure, name: "kit-accepted", label: "kit, accepted", rounds: own.map((round) => round.acceptedPerSecond) },
      { ...figure, name: "kit-cpu", label: "kit, CPU of an order", unit: "µs", better: "lower", rounds: ownCpu },
      { ...figure, name: "bare-cpu", label: "by hand, CPU of an order", unit: "µs", better: "lower", rounds: bareCpu },
    ];
  },
};
