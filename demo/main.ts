// `npm run demo`: real traffic through a running platform, and then the count of what came of it, read from the services' own stores.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "holdfast/runtime";
import { reconcile, type ShopReconciliation } from "../systems/commerce/traffic/reconcile.ts";
import { Stores } from "../systems/commerce/traffic/stores.ts";
import { Traffic } from "../systems/commerce/traffic/traffic.ts";
import { frontDoorOf } from "../scripts/children.ts";
import { Progress } from "./progress.ts";

const clients = 24;
const restMs = 120_000;
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    url: { type: "string", default: "http://127.0.0.1:8080" },
    data: { type: "string", default: process.env["HOLDFAST_DATA"] ?? "./.holdfast" },
    standalone: { type: "boolean", default: false },
    processes: { type: "boolean", default: false },
  },
});

if (values.standalone) await standalone();
else {
  const data = path.resolve(values.data);
  if (!existsSync(path.join(data, "orders.db")) || !(await answers(values.url)))
    throw new Error(
      `No platform answers at ${values.url} with its data in ${data}: start one with \`npm start\`, or let the demo do it with \`npm run demo -- --standalone\`.`,
    );
  await drive(values.url, { data, alone: false });
}

/** A platform of its own, gone afterwards. */
async function standalone(): Promise<void> {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-demo-"));
  const entry = path.resolve(import.meta.dirname, "../systems/main.ts");
  const flags = ["commerce", "--port=0", "--service-port=0", "--log-level=error", "--seed=false", `--data=${data}`];
  const child = spawn(process.execPath, [entry, ...flags, ...(values.processes ? ["--processes"] : [])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await drive(await frontDoorOf(child), { data, alone: true });
  } finally {
    const ended = new Promise((resolve) => {
      child.once("exit", resolve);
    });
    child.kill("SIGTERM");
    await ended;
    if (process.exitCode === undefined || process.exitCode === 0) rmSync(data, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

async function drive(url: string, { data, alone }: { readonly data: string; readonly alone: boolean }): Promise<void> {
  const requests = Number(values.requests);
  const traffic = new Traffic({ random: seededRandom(Number(values.seed)), data, url: () => url });
  console.log(
    `${String(requests)} requests of ${String(clients)} clients against ${url}, seed ${values.seed}: customers join, orders of mixed fate, twins, nonsense.`,
  );
  await traffic.stockUp();
  const progress = new Progress(requests);
  const started = performance.now();
  let sent = 0;
  const client = async () => {
    while (sent < requests) {
      sent += 1;
      await traffic.one();
      progress.step();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  progress.end();
  const answered = (performance.now() - started) / 1000;
  const found = await atRest(data, alone);
  const seconds = (performance.now() - started) / 1000;
  report(found, { data, url, answered, seconds, requests });
}

/** What is still on its way arrives; what has not after two minutes is told. */
async function atRest(data: string, alone: boolean): Promise<ShopReconciliation> {
  const end = performance.now() + restMs;
  for (;;) {
    const found = await reconcile(data, { alone });
    if (found.violations.length === 0 || performance.now() > end) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, 250);
    });
  }
}

function report(
  { count, violations }: ShopReconciliation,
  given: {
    readonly data: string;
    readonly url: string;
    readonly answered: number;
    readonly seconds: number;
    readonly requests: number;
  },
): void {
  const { data, url, answered, seconds, requests } = given;
  using stores = new Stores(data);
  const reasons = stores.rows(
    "orders",
    `SELECT substr(reason, 1, instr(reason || ':', ':') - 1) AS why, count(*) AS times FROM orders WHERE status = 'rejected' GROUP BY why ORDER BY times DESC`,
  );
  const why = reasons.map((row) => `${String(row["why"])} ${String(row["times"])}`).join(", ");
  console.log(
    [
      `answered ${String(requests)} in ${answered.toFixed(1)} s (${(requests / answered).toFixed(0)}/s), all of it at rest after ${seconds.toFixed(1)} s`,
      `customers ${String(count.customers)}, requests refused ${String(count.refused)}`,
      `accepted ${String(count.accepted)} orders; in the store: confirmed ${String(count.confirmed)} + rejected ${String(count.rejected)} (${why})`,
      `mails ${String(count.mails)}, handed over twice under one Message-ID ${String(count.repeated)}`,
      violations.length === 0 ? "stock, money and mail balance to the last unit" : violations.join("\n"),
      "",
      `Look further: ${url}/docs, ${url}/notifications, and an order's history: ${url}/orders/<orderId>/history`,
      "",
      `accepted ${String(count.accepted)}, lost ${String(count.lost)}, doubled ${String(count.doubled)}`,
    ].join("\n"),
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
