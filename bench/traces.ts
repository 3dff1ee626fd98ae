// `node bench/traces.ts [--rounds 5]`: what traces cost, in microseconds of CPU. Each load runs with traces off, on but not sampled (`unsampled`), and
// recorded and handed to an exporter that drops them (`recorded`); rounds take turns, the median counts.
import { BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { contracts, t } from "holdfast/contract";
import { embeddedBroker } from "holdfast/brokers";
import { serveHttp } from "holdfast/http";
import { systemRuntime } from "holdfast/runtime";
import { service } from "holdfast/service";
import { snapshot, sql, table, text } from "holdfast/sql";
import { openTelemetry, parseTraceparent, silentLogger, type Tracing } from "holdfast/telemetry";
import { startSystem } from "holdfast/topology";
import { Pool } from "undici";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const rounds = Number(values.rounds);
const runtime = systemRuntime();
const atOnce = 32;

const { endpoint, event } = contracts("bench");
const Word = t.Object({ word: t.String() });
const Say = endpoint("GET /say/{word}", { summary: "", access: "anyone", replies: { 200: Word } });
const Write = endpoint("POST /words", { summary: "", access: "anyone", body: Word, replies: { 201: Word } });
const Written = event("written", { version: 1, key: "word", summary: "", data: Word });
const tables = { words: table({ id: text().primaryKey(), word: text() }) };
const store = () => sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] });
const one = service("bench", { store: store(), scope: ({ db }) => ({ db }) });
const bench = one.assemble(
  { Say, Write, Written },
  {
    routes: {
      Say: one.handle(Say, ({ params, reply }) => Promise.resolve(reply(200, params))),
      Write: one.handle(Write, async ({ body, db, newId, publish, reply }) => {
        await db.insertInto("words").values({ id: newId(), word: body.word }).execute();
        publish(Written, body);
        return reply(201, body);
      }),
    },
    consumers: [],
  },
);
const two = service("reader", { store: store(), scope: ({ db }) => ({ db }) });
const reader = two.assemble(
  {},
  {
    routes: {},
    consumers: [
      two.on(Written, async ({ data, db, newId }) => {
        await db.insertInto("words").values({ id: newId(), word: data.word }).execute();
      }),
    ],
  },
);

const dropping: SpanExporter = { export: (_, result) => result({ code: 0 }), shutdown: () => Promise.resolve() };
const tracingOf = (ratio: number): Promise<Tracing> =>
  openTelemetry({ processor: new BatchSpanProcessor({ exporter: dropping }), runtime, ratio });

interface Load {
  readonly name: string;
  readonly times: number;
  once(): Promise<unknown>;
  settled(): Promise<void>;
}

/** The platform with or without traces, and its loads. */
async function rig(data: string, tracing: Tracing | undefined) {
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    durability: "none",
    runtime,
    log: silentLogger,
  });
  const onFatal = (error: unknown) => {
    throw error;
  };
  const url = `sqlite:${data}`;
  const system = await startSystem([bench, reader], {
    runtime,
    log: silentLogger,
    broker,
    data,
    storeUrl: url,
    documentsUrl: url,
    durability: "none",
    config: () => ({}),
    onFatal,
    tracing,
  });
  const [running] = system.services;
  if (running === undefined) throw new Error("Nothing was started.");
  const verify = () => Promise.reject(new Error("Nobody is known here."));
  const server = await serveHttp({ service: running, port: 0, verify, runtime, log: silentLogger, tracing });
  const pool = new Pool(server.url, { connections: atOnce });
  const spans = tracing?.of(running.name);
  const never = new AbortController().signal;
  const dispatch = async () => {
    const span = spans?.start(Say.route, { kind: "server", parent: undefined });
    await running.dispatch({
      endpoint: Say,
      params: { word: "hello" },
      query: {},
      headers: {},
      body: undefined,
      suspectText: false,
      address: undefined,
      caller: undefined,
      idempotencyKey: undefined,
      deadline: runtime.clock.monotonic() + 10_000,
      signal: never,
      requestId: "r",
      correlationId: "c",
      trace: span?.context ?? parseTraceparent(undefined, runtime.random),
    });
    span?.end();
  };
  const send = async (method: "GET" | "POST", address: string, body?: string) => {
    const headers = { "content-type": "application/json" };
    const reply = await pool.request({ path: address, method, headers, ...(body === undefined ? {} : { body }) });
    await reply.body.dump();
    if (reply.statusCode >= 400) throw new Error(`${address} answered ${String(reply.statusCode)}.`);
  };
  const nothing = () => Promise.resolve();
  const loads: readonly Load[] = [
    { name: "a request in process", times: 40_000, once: dispatch, settled: nothing },
    { name: "a request over HTTP", times: 8_000, once: () => send("GET", "/say/hello"), settled: nothing },
    {
      name: "a message, with its request",
      times: 4_000,
      once: () => send("POST", "/words", '{"word":"hello"}'),
      async settled() {
        const waits = async () =>
          (await running.store.depths()).outbox +
          (await Promise.all(system.services.map((each) => each.lag()))).reduce((a, b) => a + b);
        while ((await waits()) > 0) await runtime.timers.sleep(2);
      },
    },
  ];
  return {
    loads,
    async stop() {
      await pool.close();
      await server.close(1_000);
      await system.stop(1_000);
      await tracing?.close(1_000);
    },
  };
}

/** Microseconds of CPU of one. */
async function measure({ times, once, settled }: Load): Promise<number> {
  let left = times;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await once();
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: atOnce }, worker));
  await settled();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const ways = [
  { name: "off", tracing: () => Promise.resolve(undefined) },
  { name: "unsampled", tracing: () => tracingOf(0) },
  { name: "recorded", tracing: () => tracingOf(1) },
];
const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-bench-"));
const seen = new Map<string, number[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const { name, tracing } of ways) {
    const folder = await mkdtemp(path.join(data, `${name}-`));
    const { loads, stop } = await rig(folder, await tracing());
    for (const load of loads) {
      const us = await measure(load);
      const key = `${load.name}: ${name}`;
      // The first round warms up.
      if (round > 0) seen.set(key, [...(seen.get(key) ?? []), us]);
    }
    await stop();
  }
}
await rm(data, { recursive: true, force: true });
for (const [key, all] of seen)
  process.stdout.write(
    `${key.padEnd(44)} ${median(all).toFixed(1).padStart(8)} µs  (${all.map((us) => us.toFixed(1)).join(" ")})\n`,
  );
