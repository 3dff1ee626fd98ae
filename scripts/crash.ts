// `npm run crash -- [--system commerce] --kills 1000 --seed 7 [--processes]`: load, SIGKILL, restart, and at every 20th kill the client's ledger against the stores.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { crash, crashSingles, crashTable, type Companion, type CrashScenario } from "holdfast/testing";
import { mailFile } from "../systems/notifications/mail/index.ts";
import { gatewayFile } from "../systems/payment-gateway/index.ts";
import { crashLoad } from "../systems/traffic/crash-load.ts";
import { fastStart } from "./bundles.mjs";
import { underLoad } from "../systems/traffic/index.ts";
import { reconcile } from "../systems/traffic/reconcile.ts";

const { values } = parseArgs({
  options: {
    system: { type: "string", default: "commerce" },
    kills: { type: "string", default: "40" },
    processes: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 100_000) },
  },
});
const systems = path.resolve(import.meta.dirname, "../systems");
Object.assign(process.env, fastStart(process.env));
const system = underLoad[values.system];
if (system === undefined)
  throw new Error(`There is no system "${values.system}"; there are: ${Object.keys(underLoad).join(", ")}.`);
const { check, traffic } = system;
const scenario: CrashScenario = {
  args: [path.join(systems, "main.ts"), values.system, "--seed=false"],
  load: (options) => crashLoad(options, traffic(options), check.strangers),
  reconcile: (folder) => reconcile(folder, [check]),
};
const companions: readonly Companion[] = [
  {
    name: "the payment gateway",
    args: ({ data: folder, port }) => [
      path.join(systems, "payment-gateway/main.ts"),
      `--file=${gatewayFile(folder)}`,
      `--port=${String(port)}`,
    ],
    variable: check.gatewayOf,
  },
  {
    name: "the mail server",
    args: ({ data: folder, port }) => [
      path.join(systems, "notifications/mail/capture-server.ts"),
      `--file=${mailFile(folder)}`,
      `--port=${String(port)}`,
    ],
    variable: "HOLDFAST_NOTIFICATIONS_MAIL",
  },
];
const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-crash-"));
const kills = Number(values.kills);
const seed = Number(values.seed);
const say = (line: string) => console.log(line);
console.log(`${String(kills)} kills with seed ${String(seed)}, data in ${data}`);
const started = performance.now();
const violations = values.processes ? await singles() : await whole();
const blind = await selfTest(data);
const problems = [...violations, ...blind];
for (const problem of problems) console.error(problem);
const { count } = await reconcile(data, [check]);
console.log(
  `${String(kills)} kills in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${String(seed)}: ${problems.length === 0 ? "lost 0, doubled 0, unbalanced 0" : `${String(problems.length)} violations`}; ${String(count.repeated)} of ${String(count.mails)} mails repeated under their Message-ID`,
);
if (problems.length === 0) rmSync(data, { recursive: true, force: true });
process.exitCode = problems.length === 0 ? 0 : 1;

/** One process for everything, killed at named points and at random. */
async function whole(): Promise<readonly string[]> {
  const report = await crash(scenario, { data, kills, seed, say });
  console.log(`\n${crashTable(report)}\n`);
  return report.violations;
}

/** A process for each service, the payment gateway and the mail server, killed one at a time. */
async function singles(): Promise<readonly string[]> {
  const { killed, violations: found } = await crashSingles(scenario, { data, kills, seed, companions, say });
  console.log(
    `\nkilled: ${Object.entries(killed)
      .map(([name, times]) => `${name} ${String(times)}`)
      .join(", ")}\n`,
  );
  return found;
}

/** The reconciliation is shown one lost, one doubled and one unbalanced row, and must see each. */
async function selfTest(from: string): Promise<readonly string[]> {
  const blind: string[] = [];
  for (const [what, { store, sql }] of Object.entries(check.planted)) {
    const copy = mkdtempSync(path.join(os.tmpdir(), "holdfast-planted-"));
    cpSync(from, copy, { recursive: true });
    const db = new DatabaseSync(path.join(copy, `${store}.db`));
    db.exec(sql);
    db.close();
    const { violations } = await reconcile(copy, [check]);
    const seen = violations.some((violation) => violation.startsWith(what));
    console.log(`planted a ${what} row: ${seen ? "seen" : "NOT SEEN"}`);
    if (!seen) blind.push(`The reconciliation did not see a planted ${what} row.`);
    rmSync(copy, { recursive: true, force: true });
  }
  return blind;
}
