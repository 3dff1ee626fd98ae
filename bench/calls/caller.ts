import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { developmentKeys, serviceTokens } from "holdfast/access";
import { embeddedBroker } from "holdfast/brokers";
import { Client } from "holdfast/calls";
import { systemRuntime } from "holdfast/runtime";
import type { Calls } from "holdfast/service";
import { parseTraceparent, silentLogger } from "holdfast/telemetry";
import { startSystem } from "holdfast/topology";
import { Pool } from "undici";
import { takeTurns } from "../harness/measure.ts";
import { callee, Echo } from "./callee.ts";

/** What `runs/calls.ts` is sent: a round each. */
export interface CallRounds {
  readonly localMicros: readonly number[];
  readonly localCpuMicros: readonly number[];
  readonly kitPerSecond: readonly number[];
  readonly rawPerSecond: readonly number[];
  readonly kitCpuMicros: readonly number[];
  readonly rawCpuMicros: readonly number[];
}

const atOnce = 32;
const warmUp = 5_000;
const [data = "", url = "", rounds = "3", times = "20000"] = process.argv.slice(2);
const runtime = systemRuntime();
const { clock } = runtime;
const body = { text: "how much does it cost to say this?" };
const signal = new AbortController().signal;

async function ask(calls: Calls): Promise<void> {
  const cause = {
    handler: "POST /caller",
    service: "caller",
    identity: undefined,
    repeatable: false,
    id: "request",
    correlationId: "request",
    trace: parseTraceparent(undefined, runtime.random),
    caller: undefined,
    deadline: clock.monotonic() + 10_000,
    signal,
  };
  const reply = await calls.call(Echo, { body }, cause);
  if (reply.body.text !== body.text) throw new Error("The callee said something else.");
}

/** Wall clock and CPU of one, in microseconds. */
async function timed(count: number, lanes: number, once: () => Promise<void>) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await once();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const micros = (performance.now() - began) * 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { micros: micros / count, cpuMicros: (user + system) / count };
}

const folder = mkdtempSync(path.join(data, "caller-"));
const broker = await embeddedBroker({
  file: path.join(folder, "broker.db"),
  durability: "full",
  runtime,
  log: silentLogger,
});
const store = `sqlite:${folder}`;
const near = await startSystem([callee], {
  runtime,
  log: silentLogger,
  broker,
  data: folder,
  storeUrl: store,
  documentsUrl: store,
  durability: "full",
  config: () => ({}),
  onFatal: (error) => {
    throw error;
  },
});
const keys = await developmentKeys(data);
const token = serviceTokens(keys, clock);
const far = new Client({ runtime, elsewhere: { addressesOf: () => [url], token } });
const pool = new Pool(url, { connections: 64 });

/** The same request with the same rights, as one writes it without a kit. */
async function raw(): Promise<void> {
  const reply = await pool.request({
    path: Echo.path,
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await token("caller")}` },
    body: JSON.stringify(body),
  });
  const answer: unknown = await reply.body.json();
  if (reply.statusCode !== 200 || typeof answer !== "object" || answer === null || !("text" in answer))
    throw new Error("The callee said something else.");
}

const local = (count: number) => timed(count, 1, () => ask(near.calls));
const http = (count: number) => timed(count, atOnce, () => ask(far));
const bare = (count: number) => timed(count, atOnce, raw);
for (const each of [local, http, bare]) await each(warmUp);
const count = Number(times);
const [locals = [], https = [], bares = []] = await takeTurns(Number(rounds), [
  () => local(count * 2),
  () => http(count),
  () => bare(count),
]);
const result: CallRounds = {
  localMicros: locals.map(({ micros }) => micros),
  localCpuMicros: locals.map(({ cpuMicros }) => cpuMicros),
  kitPerSecond: https.map(({ micros }) => 1e6 / micros),
  rawPerSecond: bares.map(({ micros }) => 1e6 / micros),
  kitCpuMicros: https.map(({ cpuMicros }) => cpuMicros),
  rawCpuMicros: bares.map(({ cpuMicros }) => cpuMicros),
};
process.send?.(result);
await Promise.all([pool.close(), far.close(), near.stop(1_000)]);
rmSync(folder, { recursive: true, force: true });
process.disconnect?.();
