import { fillOrders, fillWaiting } from "../harness/bulk.ts";
import { quotients, type Run } from "../harness/measure.ts";
import { burstsInTurn, openShop, orderBurst, temporaryFolder } from "../harness/shop.ts";

const first = 20;

/** A shop that has taken a few orders, with what `fill` adds to its files meanwhile; `stored` says how many orders that is. */
async function filled(folder: string, fill: (folder: string) => void): Promise<void> {
  await using shop = await openShop({ entry: "shop/main.ts", folder });
  await orderBurst(shop, first, 0);
  await shop.program.stop();
  fill(folder);
}

export const stored: Run = {
  name: "stored",
  about:
    "CPU of an order in a shop that has taken a million orders, with every row, mark and message that they left, and in one where a million messages wait behind one that fails, each beside an empty one (50,000 with `--quick`). The rows are written by SQL from those of real orders; the three shops take turns.",
  onlyNamed: true,
  async measure({ quick, say }) {
    const count = quick ? 50_000 : 1_000_000;
    const [warmUp, requests] = quick ? [500, 1_200] : [2_000, 10_000];
    await using empty = await temporaryFolder();
    await using many = await temporaryFolder();
    await using waiting = await temporaryFolder();
    await filled(empty.folder, () => {});
    await filled(many.folder, (folder) => fillOrders(folder, count));
    await filled(waiting.folder, (folder) => fillWaiting(folder, count));
    say(`  ${String(count)} orders, and as many waiting messages, are written`);
    await using emptyShop = await openShop({ entry: "shop/main.ts", folder: empty.folder });
    await using manyShop = await openShop({ entry: "shop/main.ts", folder: many.folder });
    await using waitingShop = await openShop({ entry: "shop/main.ts", folder: waiting.folder });
    const shops = [
      { shop: emptyShop, before: first },
      { shop: manyShop, before: first + count },
      { shop: waitingShop, before: first },
    ];
    const turns = await burstsInTurn(shops, { warmUp, requests, rounds: quick ? 3 : 5 });
    const [none = [], full = [], behind = []] = turns.map((rounds) => rounds.map(({ cpuMicros }) => cpuMicros));
    const ratio = { kind: "ratio", unit: "", better: "lower", goal: 1.3 } as const;
    const figure = { kind: "figure", unit: "µs", better: "lower" } as const;
    return [
      { ...ratio, name: "stored", label: "CPU of an order, many stored ÷ empty", rounds: quotients(full, none) },
      { ...ratio, name: "waiting", label: "CPU of an order, many waiting ÷ empty", rounds: quotients(behind, none) },
      { ...figure, name: "empty-cpu", label: "empty", rounds: none },
      { ...figure, name: "stored-cpu", label: "many stored", rounds: full },
      { ...figure, name: "waiting-cpu", label: "many waiting", rounds: behind },
    ];
  },
};
