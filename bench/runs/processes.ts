import { quotients, type Run } from "../harness/measure.ts";
import { burstsInTurn, openShop, temporaryFolder } from "../harness/shop.ts";

const entry = "shop/main.ts";
/** Services of each process. */
const split = [["orders"], ["inventory", "billing", "notifications"]];

export const processes: Run = {
  name: "processes",
  about:
    "The same shop in two processes on the same files, orders in one of them and its consumers in the other, and with `--processes`, which gives each of the four services its own. What is gained is bounded by the cores: the clients use one of them, too.",
  async measure({ quick }) {
    await using oneData = await temporaryFolder();
    await using twoData = await temporaryFolder();
    await using eachData = await temporaryFolder();
    await using oneShop = await openShop({ entry, folder: oneData.folder });
    await using twoShop = await openShop({ entry, folder: twoData.folder, processes: split });
    await using eachShop = quick
      ? undefined
      : await openShop({ entry, folder: eachData.folder, processes: [["--processes"]] });
    const shops = [{ shop: oneShop }, { shop: twoShop }, ...(eachShop === undefined ? [] : [{ shop: eachShop }])];
    const size = { warmUp: quick ? 1_500 : 2_000, requests: quick ? 2_500 : 20_000, rounds: 3 };
    const [one = [], two = [], four = []] = await burstsInTurn(shops, size);
    const [single = [], double = [], each = []] = [one, two, four].map((rounds) =>
      rounds.map(({ completePerSecond }) => completePerSecond),
    );
    const [singleCpu = [], doubleCpu = []] = [one, two].map((rounds) => rounds.map(({ cpuMicros }) => cpuMicros));
    const ratio = { kind: "ratio", unit: "", better: "higher" } as const;
    const figure = { ...ratio, kind: "figure", unit: "/s" } as const;
    return [
      {
        ...ratio,
        goal: 1.2,
        name: "two",
        label: "complete orders/s, two processes ÷ one",
        rounds: quotients(double, single),
      },
      {
        ...ratio,
        name: "cpu",
        label: "CPU of an order, two processes ÷ one",
        better: "lower",
        rounds: quotients(doubleCpu, singleCpu),
      },
      { ...figure, name: "one-speed", label: "one process, complete", rounds: single },
      { ...figure, name: "two-speed", label: "two processes, complete", rounds: double },
      ...(quick
        ? []
        : [
            {
              ...ratio,
              name: "each",
              label: "complete orders/s, `--processes` ÷ one",
              rounds: quotients(each, single),
            },
            { ...figure, name: "each-speed", label: "`--processes`, complete", rounds: each },
          ]),
    ];
  },
};
