// `npm run demo`: real traffic through a running platform, and then the count of what came of it, read from the services' own stores.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "holdfast/runtime";
import { abandon } from "../systems/traffic/ledger.ts";
import { underLoad } from "../systems/traffic/index.ts";
import { reconcile, type PlatformReconciliation, type UnderLoad } from "../systems/traffic/reconcile.ts";
import { exitOf, frontDoorOf } from "../scripts/children.ts";
import { Progress } from "./progress.ts";

const clients = 24;
const restMs = 120_000;
const options = {
  system: { type: "string", multiple: true, default: Object.keys(underLoad) },
  requests: { type: "string", default: "2000" },
  seed: { type: "string", default: String(Date.now() % 100_000) },
  url: { type: "string", default: "http://127.0.0.1:8080" },
  data: { type: "string", default: process.env["HOLDFAST_DATA"] ?? "./.holdfast" },
  standalone: { type: "boolean", default: false },
  processes: { type: "boolean", default: false },
} as const;
/** Nothing was sent: what is missing is all that there is to say. */
class CannotBegin extends Error {}
type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

try {
  const { values } = parseArgs({ options });
  await (values.standalone ? standalone(values) : running(values));
} catch (error) {
  const told = error instanceof CannotBegin || (error instanceof TypeError && "code" in error);
  console.error(told ? error.message : error);
  // Other clients may be at work still.
  process.exit(1);
}

/** Drives the platform that is there. */
async function running(values: Values): Promise<void> {
  const data = path.resolve(values.data);
  if (!existsSync(path.join(data, "broker.db")) || !(await answers(values.url, "/health/live")))
    throw new CannotBegin(
      `No platform answers at ${values.url} with its data in ${data}: start one with \`npm start\`, or let the demo do it with \`npm run demo -- --standalone\`.`,
    );
  await drive(values.url, values, { data, alone: false });
}

/** A platform of its own, gone afterwards. */
async function standalone(values: Values): Promise<void> {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-demo-"));
  const entry = path.resolve(import.meta.dirname, "../systems/main.ts");
  const flags = [
    ...values.system,
    "--port=0",
    "--service-port=0",
    "--log-level=error",
    "--seed=false",
    `--data=${data}`,
  ];
  const child = spawn(process.execPath, [entry, ...flags, ...(values.processes ? ["--processes"] : [])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = exitOf(child);
  try {
    await drive(await frontDoorOf(child), values, { data, alone: true });
  } finally {
    child.kill("SIGTERM");
    await ended;
    if (process.exitCode === undefined || process.exitCode === 0) rmSync(data, { recursive: true, force: true });
  }
}

async function answers(url: string, address: string): Promise<boolean> {
  try {
    return (await fetch(`${url}${address}`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

async function drive(
  url: string,
  values: Values,
  { data, alone }: { readonly data: string; readonly alone: boolean },
): Promise<void> {
  const requests = Number(values.requests);
  const random = seededRandom(Number(values.seed));
  const there: UnderLoad[] = [];
  for (const name of values.system) {
    const system = underLoad[name];
    if (system === undefined)
      throw new CannotBegin(`There is no system "${name}"; there are: ${Object.keys(underLoad).join(", ")}.`);
    if (await answers(url, system.probe)) there.push(system);
  }
  if (there.length === 0) throw new CannotBegin(`None of ${values.system.join(", ")} answers at ${url}.`);
  const traffics = there.map(({ traffic }) => traffic({ random, data, url: () => url }));
  console.log(
    `${String(requests)} requests of ${String(clients)} clients against ${url}, seed ${values.seed}: ${there.map(({ check }) => check.name).join(" and ")}, requests of mixed fate, twins, nonsense.`,
  );
  abandon(data);
  for (const traffic of traffics) await traffic.stockUp();
  const progress = new Progress(requests);
  const started = performance.now();
  let sent = 0;
  const client = async () => {
    while (sent < requests) {
      sent += 1;
      await traffics[sent % traffics.length]?.one();
      progress.step();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  progress.end();
  const answered = (performance.now() - started) / 1000;
  const found = await atRest(data, there, alone);
  const seconds = (performance.now() - started) / 1000;
  const histories = there.map(({ history }) => `${url}${history}`);
  report(found, { url, answered, seconds, requests, histories });
}

/** What is still on its way arrives; what has not after two minutes is told. */
async function atRest(data: string, there: readonly UnderLoad[], alone: boolean): Promise<PlatformReconciliation> {
  const end = performance.now() + restMs;
  for (;;) {
    const found = await reconcile(
      data,
      there.map(({ check }) => check),
      { alone },
    );
    if (found.violations.length === 0 || performance.now() > end) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, 250);
    });
  }
}

function report(
  { count, systems, violations }: PlatformReconciliation,
  given: {
    readonly url: string;
    readonly answered: number;
    readonly seconds: number;
    readonly requests: number;
    readonly histories: readonly string[];
  },
): void {
  const { url, answered, seconds, requests, histories } = given;
  console.log(
    [
      `answered ${String(requests)} in ${answered.toFixed(1)} s (${(requests / answered).toFixed(0)}/s), all of it at rest after ${seconds.toFixed(1)} s`,
      ...systems.map(({ compared }) => `in the stores: ${compared}`),
      `requests refused ${String(count.refused)}, as they had to be`,
      `mails ${String(count.mails)}, handed over twice under one Message-ID ${String(count.repeated)}`,
      violations.length === 0 ? "stock, seats, money and mail balance to the last unit" : violations.join("\n"),
      "",
      `Look further: ${url}/docs, ${url}/notifications, and a history: ${histories.join(" or ")}`,
      "",
      `accepted ${String(count.accepted)}, lost ${String(count.lost)}, doubled ${String(count.doubled)}`,
    ].join("\n"),
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
