import { quotients, type Run } from "../harness/measure.ts";
import { burstsInTurn, openShop, temporaryFolder } from "../harness/shop.ts";

export const orders: Run = {
  name: "orders",
  about:
    "An order in one process on SQLite at `synchronous=FULL`, from the POST to its second notification: accepted, stock reserved, billed, both told, five files in all. The kit's shop stands beside the same shop written by hand, which has nothing that could be used twice; both live through all rounds and take turns, lost and doubled are counted from the rows.",
  inTheWay:
    "In the way, where it is not reached: nothing that stands out (the profile is below). At f5824ca it was 1.03 (0.87–1.12); rounds of one run differ by as much, and of two programs the one with more code loses more where a processor's caches are shared. Beside that commit's successor 189f934, by turns, what is measured now is 4 % quicker.",
  async measure({ quick }) {
    await using ownData = await temporaryFolder();
    await using bareData = await temporaryFolder();
    await using kit = await openShop({ entry: "shop/main.ts", folder: ownData.folder });
    await using bare = await openShop({ entry: "floor/sqlite.ts", folder: bareData.folder });
    const [own = [], floor = []] = await burstsInTurn([{ shop: kit }, { shop: bare }], {
      warmUp: 2_000,
      requests: quick ? 2_500 : 20_000,
      rounds: 3,
    });
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
