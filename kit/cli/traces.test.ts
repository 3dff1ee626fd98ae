import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { mintToken } from "../access/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { notes, tally } from "../service/fixtures/notes.ts";
import { collector } from "../telemetry/fixtures/collector.ts";
import { until } from "../testing/index.ts";
import { startPlatform } from "./index.ts";

const systems = { demo: [notes, tally()] };
const flags = ["--port=0", "--service-port=0", "--log-level=critical"];

test("with --otlp a platform delivers its spans, at the latest when it stops, and no token with them", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-traces-"));
  const { url, received, text, close } = await collector();
  t.after(async () => {
    await close();
    await rm(data, { recursive: true, force: true });
  });
  const platform = await startPlatform({ systems, args: [...flags, `--data=${data}`, `--otlp=${url}`], env: {} });
  assert.ok(platform.keys !== undefined);
  const { clock } = systemRuntime();
  const token = await mintToken(platform.keys, { caller: { kind: "user", id: "ada", roles: [] }, clock });
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "idempotency-key": "a-key-of-hers",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const body = JSON.stringify({ topic: "red-letter", number: 1, failures: 0 });
  assert.equal((await fetch(`${platform.url}/notes`, { method: "POST", headers, body })).status, 201);
  await until("it is applied", async () =>
    JSON.stringify(await (await fetch(`${platform.url}/applied`)).json()).includes("red-letter"),
  );
  await platform.stop(5_000);
  const names = received
    .filter(({ traceId }) => traceId === "0af7651916cd43dd8448eb211c80319c")
    .map(({ service, name }) => `${service}: ${name}`);
  assert.deepEqual(names.toSorted(), [
    "notes: POST /notes",
    "notes: create noted",
    "notes: run",
    "notes: send noted",
    "tally: process noted",
  ]);
  assert.equal(received.find(({ name }) => name === "POST /notes")?.parentId, "b7ad6b7169203331");
  for (const secret of [token, "a-key-of-hers", "red-letter"])
    assert.ok(!text().includes(secret), `${secret} was delivered`);
});

test("a collector that takes nothing fails no request and no end", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-traces-"));
  const { url, received, close } = await collector();
  t.after(async () => {
    await close();
    await rm(data, { recursive: true, force: true });
  });
  const args = [...flags, `--data=${data}`, `--otlp=${url}/elsewhere`];
  const platform = await startPlatform({ systems, args, env: {} });
  assert.equal((await fetch(`${platform.url}/applied`)).status, 200);
  await platform.stop(2_000);
  assert.deepEqual(received, []);
});

test("--otlp takes an address without a user in it", async () => {
  const start = (address: string) => startPlatform({ systems, args: [...flags, `--otlp=${address}`], env: {} });
  await assert.rejects(start("http://ada:secret@localhost:4318"), /OTEL_EXPORTER_OTLP_HEADERS/);
  await assert.rejects(start("http://:"), /--otlp is no address/);
  await assert.rejects(start("localhost:4318"), /HOLDFAST_OTLP|--otlp/);
});
