import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { systemRuntime } from "../runtime/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { snapshot, sql, sqliteEngine } from "./index.ts";

async function rig(t: TestContext) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-beside-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const spec = sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] });
  const open = () =>
    spec.open({
      name: "shop",
      url: `sqlite:${folder}`,
      durability: "none",
      runtime: systemRuntime(),
      log: silentLogger,
      onFatal: () => {},
    });
  return { open, engine: sqliteEngine({ file: path.join(folder, "shop.db"), durability: "none" }) };
}

test("a store is opened while another process is in the middle of a transaction on it", async (t) => {
  const { open, engine } = await rig(t);
  await (await open()).close();
  const other = await engine.open("writer");
  await other.begin("write");
  await (await open()).close();
  await other.rollback();
  await other.close();
});

test("processes that make a store at the same time agree on which one it is", async (t) => {
  const { open } = await rig(t);
  const stores = await Promise.all(Array.from({ length: 5 }, open));
  assert.equal(new Set(stores.map(({ id }) => id)).size, 1);
  await Promise.all(stores.map((store) => store.close()));
});
