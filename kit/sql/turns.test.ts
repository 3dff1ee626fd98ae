import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { systemRuntime } from "../runtime/index.ts";
import { sql as sqlText } from "kysely";
import { noMetrics, silentLogger } from "../telemetry/index.ts";
import { freshSqlite } from "./fixtures/engines.ts";
import { GroupWriter, LaneMeter, snapshot, sql } from "./index.ts";

const runtime = systemRuntime();
const onFatal = () => assert.fail("a disk failed");

/** Runs work in a group of its own. */
type Writer = (work: () => void) => Promise<unknown>;

async function storeWriter(t: TestContext): Promise<Writer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-turns-"));
  const spec = sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] });
  const url = `sqlite:${folder}`;
  const store = await spec.open({ name: "shop", url, durability: "none", runtime, log: silentLogger, onFatal });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const deadline = Number.POSITIVE_INFINITY;
  return (work) =>
    store.unit({
      label: "POST /",
      deadline,
      async work({ access }) {
        await sqlText`SELECT 1`.execute(access.db);
        work();
      },
    });
}

async function logWriter(t: TestContext): Promise<Writer> {
  const engine = await freshSqlite(t);
  const session = await engine.open("writer");
  const meter = new LaneMeter(noMetrics, "", runtime.clock);
  const writer = new GroupWriter({ engine, session, runtime, meter, onFatal, refusal: () => new Error("refused") });
  t.after(async () => {
    await writer.close();
    await session.close();
  });
  return (work) => writer.write(() => Promise.resolve(work()));
}

test("between the groups of two stores that are ready at the same time the event loop goes round", async (t) => {
  const stores = [await storeWriter(t), await storeWriter(t), await logWriter(t), await logWriter(t)];
  const seen: boolean[] = [];
  let round = true;
  const work = () => {
    seen.push(round);
    round = false;
    setTimeout(() => (round = true), 1);
    for (const until = performance.now() + 3; performance.now() < until;);
  };
  await Promise.all(stores.map((inGroup) => inGroup(work)));
  assert.deepEqual(seen, [true, true, true, true], "what came during the group before was heard");
});
