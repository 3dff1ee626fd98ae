import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startProgram } from "./harness/program.ts";
import { fillOrders, fillWaiting } from "./harness/bulk.ts";
import { burst } from "./harness/burst.ts";
import { median, meetsGoal, quotients, regressions, takeTurns, type Measure } from "./harness/measure.ts";
import { openShop, orderBurst, outcomeOf, refuseLosses, temporaryFolder } from "./harness/shop.ts";
import { figure, page, spread } from "./page.ts";
import { grouped } from "./profile.ts";
import type { Results } from "./results.ts";
import { runs } from "./runs/index.ts";

const ratio = (rounds: readonly number[], more: Partial<Measure> = {}): Measure => ({
  name: "speed",
  label: "kit ÷ floor",
  unit: "",
  kind: "ratio",
  better: "higher",
  rounds,
  ...more,
});
const of = (measure: Measure) => new Map([["http", [measure]]]);

test("a ratio that is more than a third worse than committed is found, in either direction, and no other", () => {
  const worse = (now: Measure, before: Measure) => regressions(of(now), of(before)).length;
  assert.equal(worse(ratio([0.59]), ratio([0.9])), 1);
  assert.equal(worse(ratio([0.61]), ratio([0.9])), 0);
  assert.equal(worse(ratio([1.6], { better: "lower" }), ratio([1], { better: "lower" })), 1);
  assert.equal(worse(ratio([1.4], { better: "lower" }), ratio([1], { better: "lower" })), 0);
  assert.equal(worse(ratio([0.1], { kind: "figure" }), ratio([0.9], { kind: "figure" })), 0, "figures are only told");
  assert.equal(worse(ratio([Number.NaN]), ratio([0.9])), 1, "what could not be measured is no success");
  assert.equal(worse(ratio([0.1]), ratio([0.9], { name: "another" })), 0);
});

test("the median of rounds is told with its spread, and held against the goal", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.deepEqual(quotients([2, 9], [4, 3]), [0.5, 3]);
  assert.equal(meetsGoal(ratio([0.8, 0.9, 0.86], { goal: 0.85 })), true);
  assert.equal(meetsGoal(ratio([21, 19, 22], { better: "lower", goal: 20 })), false);
  assert.equal(meetsGoal(ratio([1])), undefined);
  assert.equal(spread(ratio([1_234.5, 1_000, 2_000], { unit: "/s" })), "1,235/s (1,000–2,000)");
  assert.deepEqual([0, 0.0123, 0.5, 12.34, 345.6, Number.NaN].map(figure), ["0", "0.012", "0.500", "12.3", "346", "–"]);
});

test("subjects take turns", async () => {
  const order: string[] = [];
  const subject = (name: string) => (round: number) => Promise.resolve(void order.push(`${name}${String(round)}`));
  await takeTurns(2, [subject("a"), subject("b")]);
  assert.deepEqual(order, ["a0", "b0", "a1", "b1"]);
});

test("an order without one of its notifications is lost, one with two of a kind is doubled", () => {
  using db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE notifications (order_id TEXT, kind TEXT)");
  const note = db.prepare("INSERT INTO notifications VALUES (?, ?)");
  for (const [id, kind] of ["ok s", "ok p", "half s", "twice s", "twice p", "twice p"].map((each) => each.split(" ")))
    note.run(id ?? "", kind === "s" ? "stock.updated" : "order.paid");
  assert.deepEqual(outcomeOf(db, ["ok", "half", "twice", "gone"]), { lost: 2, doubled: 1 });
  assert.throws(() => refuseLosses("orders", [{ lost: 0, doubled: 1 }]), /0 orders lost, 1 doubled/);
});

test("the shop by hand completes every order, once", async () => {
  await using data = await temporaryFolder();
  await using shop = await openShop({ entry: "floor/sqlite.ts", folder: data.folder });
  const { accepted, lost, doubled } = await orderBurst(shop, 100, 0);
  assert.deepEqual([new Set(accepted).size, lost, doubled], [100, 0, 0]);
});

test("the shop on the kit completes every order, once, also on files that were filled by SQL, where it leaves alone what waits there", async () => {
  await using data = await temporaryFolder();
  const { folder } = data;
  {
    await using shop = await openShop({ entry: "shop/main.ts", folder });
    await orderBurst(shop, 10, 0);
  }
  fillOrders(folder, 1_000);
  fillWaiting(folder, 1_000);
  await using shop = await openShop({ entry: "shop/main.ts", folder });
  const { lost, doubled } = await orderBurst(shop, 50, 1_010);
  assert.deepEqual([lost, doubled], [0, 0]);
  const rows = (file: string, table: string) => {
    using db = new DatabaseSync(`${folder}/${file}.db`, { readOnly: true });
    return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
  };
  assert.deepEqual(
    [
      rows("orders", "orders"),
      rows("billing", "invoices"),
      rows("notifications", "notifications"),
      rows("notifications", "holdfast_inbox"),
      rows("broker", "log"),
      rows("billing", "holdfast_parked"),
    ],
    [1_060, 1_060, 2_120, 2_120, 3_180, 1_000],
  );
});

test("the kit answers without what shows traces", async () => {
  await using data = await temporaryFolder();
  const without = new URL("shop/without-traces.ts", import.meta.url).href;
  const program = await startProgram("shop/http.ts", [data.folder], ["--import", without]);
  const { statuses } = await burst(program.url, { requests: 10, connections: 2 });
  await program.stop();
  assert.deepEqual([...statuses], [[201, 10]]);
});

test("samples of a profile belong to the group of their function, or of whoever called it, within the burst", () => {
  const node = (id: number, url: string, functionName: string, children: readonly number[] = []) => ({
    id,
    callFrame: { functionName, url },
    children,
  });
  const profile = {
    nodes: [
      node(1, "", "(root)", [2, 3, 6]),
      node(2, "", "(garbage collector)"),
      node(3, "file:///x/kit/sql/sqlite.ts", "commit", [4]),
      node(4, "", "run"),
      node(6, "file:///x/kit/contract/validator.ts", "check", [7]),
      node(7, "", "constructor"),
    ],
    startTime: 1_000,
    samples: [2, 2, 4, 7, 1],
    timeDeltas: [10, 100, 200, 300, 400],
  };
  const found = [...grouped(profile, 1_050, 2_010)].filter(([, micros]) => micros > 0);
  assert.deepEqual(found, [
    ["validation", 300],
    ["commits", 200],
    ["GC", 100],
    ["native code and the event loop", 400],
  ]);
});

test("the page tells of goals that are met and missed, of what is missing, and of a machine that was busy", () => {
  const committed = (rounds: readonly number[], othersPercent: number) => ({
    measures: [ratio(rounds, { goal: 0.85 })],
    seconds: 3,
    machine: { load: 1, othersPercent },
    commit: "abc",
    date: "2030-01-01",
    node: "v26",
  });
  const results: Results = {
    machine: { class: "any", text: "a machine" },
    runs: { http: committed([0.9], 0), calls: committed([0.5, 0.7, 0.6], 50) },
  };
  const text = page(results, runs);
  assert.match(text, /\| http \| kit ÷ floor \| ≥ 0.85 \| 0.900 \| ✓ \|/);
  assert.match(text, /\| calls \| kit ÷ floor \| ≥ 0.85 \| 0.600 \(0.500–0.700\) \| ✗ busy \|/);
  assert.match(text, /Not measured yet: .*orders/);
  const why = /^In the way: .*/m;
  assert.doesNotMatch(text, why, "the goal of http is met");
  const missed = page({ ...results, runs: { http: committed([0.8], 0) } }, runs);
  assert.match(missed, why);
  assert.equal(text.match(/too busy to believe/g)?.length, 1);
});
