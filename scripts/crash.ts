// `npm run crash -- --kills 1000 --seed 7`: load, SIGKILL, restart, and at every 20th kill the client's ledger against the stores.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { crash, crashTable, type CrashScenario } from "holdfast/testing";
import { crashLoad } from "../systems/commerce/traffic/crash-load.ts";
import { reconcile } from "../systems/commerce/traffic/reconcile.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "40" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
  },
});
const scenario: CrashScenario = {
  args: [path.resolve(import.meta.dirname, "../systems/main.ts"), "commerce", "--seed=false"],
  load: crashLoad,
  reconcile,
};
const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-crash-"));
const kills = Number(values.kills);
const seed = Number(values.seed);
console.log(`${String(kills)} kills with seed ${String(seed)}, data in ${data}`);
const started = performance.now();
const report = await crash(scenario, { data, kills, seed, say: (line) => console.log(line) });
console.log(`\n${crashTable(report)}\n`);
const blind = await selfTest(data);
const problems = [...report.violations, ...blind];
for (const problem of problems) console.error(problem);
console.log(
  `${String(report.kills)} kills in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${String(seed)}: ${problems.length === 0 ? "lost 0, doubled 0, unbalanced 0" : `${String(problems.length)} violations`}`,
);
if (problems.length === 0) rmSync(data, { recursive: true, force: true });
process.exitCode = problems.length === 0 ? 0 : 1;

/** The reconciliation is shown one lost, one doubled and one unbalanced row, and must see each. */
async function selfTest(from: string): Promise<readonly string[]> {
  const planted: Readonly<Record<string, string>> = {
    lost: `DELETE FROM orders WHERE "orderId" = (SELECT "orderId" FROM orders LIMIT 1)`,
    doubled: `INSERT INTO log ("messageId", source, type, version, "key", time, "correlationId", headers, data, at) SELECT 'twin', source, type, version, "key", time, "correlationId", headers, data, at FROM log WHERE type = 'order.created' LIMIT 1`,
    unbalanced: `UPDATE "knownCustomers" SET orders = orders + 1 WHERE "customerId" = (SELECT "customerId" FROM "knownCustomers" LIMIT 1)`,
  };
  const blind: string[] = [];
  for (const [what, sql] of Object.entries(planted)) {
    const copy = mkdtempSync(path.join(os.tmpdir(), "holdfast-planted-"));
    cpSync(from, copy, { recursive: true });
    const db = new DatabaseSync(path.join(copy, what === "doubled" ? "broker.db" : "orders.db"));
    db.exec(sql);
    db.close();
    const { violations } = await reconcile(copy);
    const seen = violations.some((violation) => violation.startsWith(what));
    console.log(`planted a ${what} row: ${seen ? "seen" : "NOT SEEN"}`);
    if (!seen) blind.push(`The reconciliation did not see a planted ${what} row.`);
    rmSync(copy, { recursive: true, force: true });
  }
  return blind;
}
