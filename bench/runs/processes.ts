import { quotients, takeTurns, type Run } from "../harness/measure.ts";
import { refuseLosses } from "../harness/shop.ts";
import { freshBurst } from "./orders.ts";

export const processes: Run = {
  name: "processes",
  about:
    "The same shop in two processes on the same files, orders in one of them and its consumers in the other, and with `--processes`, which gives each of the four services its own. What is gained is bounded by the cores: the clients use one of them, too.",
  async measure({ quick }) {
    const burst = { warmUp: quick ? 500 : 2_000, requests: quick ? 2_000 : 20_000 };
    const entry = "shop/main.ts";
    const of = (list: readonly (readonly string[])[]) => () => freshBurst({ entry, processes: list }, burst);
    const [one = [], two = [], four = []] = await takeTurns(3, [
      of([[]]),
      of([["orders"], ["inventory", "billing", "notifications"]]),
      ...(quick ? [] : [of([["--processes"]])]),
    ]);
    refuseLosses("processes", [...one, ...two, ...four]);
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
