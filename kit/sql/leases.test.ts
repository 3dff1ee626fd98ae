import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { isProblem } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { ownerIsGone } from "./leases.ts";
import { snapshot } from "./migrations.ts";
import { openStore } from "./sql.ts";
import { sqliteEngine } from "./sqlite.ts";

const ttlMs = 3_000;

/** Opens stores on one file, each on a clock that stands still unless a test moves it. */
async function opener(t: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), "holdfast-leases-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return async (runtime = controlledRuntime({ flowing: false })) => {
    const engine = sqliteEngine({ file: path.join(folder, "orders.db"), durability: "none" });
    const place = { name: "orders", runtime, onFatal: (error: unknown) => assert.fail(String(error)) };
    const store = await openStore(engine, place, {
      tables: {},
      migrations: [{ name: "0001", snapshot: snapshot({}) }],
    });
    t.after(() => store.close());
    return { runtime, lease: (owner: string) => store.lease("relay", owner, ttlMs), store };
  };
}

test("a lease is its holder's until its time is over, however often it is renewed; the next holder has the next epoch", async (t) => {
  const { runtime, lease } = await (await opener(t))();
  assert.equal((await lease("one"))?.epoch, 1);
  await runtime.advance(2_000);
  assert.equal((await lease("one"))?.epoch, 1);
  await runtime.advance(2_999);
  assert.equal(await lease("two"), undefined);
  await runtime.advance(1);
  assert.equal((await lease("two"))?.epoch, 2);
  assert.equal(await lease("one"), undefined);
});

test("a lease from before the machine was restarted is void: it ends further ahead than any could", async (t) => {
  const open = await opener(t);
  const before = await open();
  await before.runtime.advance(1_000_000);
  assert.equal((await before.lease("one"))?.epoch, 1);
  const after = await open();
  assert.equal((await after.lease("two"))?.epoch, 2);
});

test("a lease of a process that has ended is void at once, and one of a living process is not", async (t) => {
  const { lease, store } = await (await opener(t))();
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  assert.equal((await lease(`pid:${String(child.pid)}:a`))?.epoch, 1);
  const living = `pid:${String(process.ppid)}:a`;
  assert.equal((await lease(living))?.epoch, 2);
  assert.equal(await lease("other"), undefined);
  const own = `pid:${String(process.pid)}:a`;
  await store.release({ name: "relay", epoch: 2 }, living);
  assert.equal((await lease(own))?.epoch, 3);
  assert.equal(await lease(`pid:${String(process.pid)}:b`), undefined);
  assert.equal(ownerIsGone("pid:unknown:a"), false, "a process that cannot be asked for counts as living");
});

test("only the holder releases its lease, and what was published under an earlier epoch is not deleted", async (t) => {
  const { lease, store } = await (await opener(t))();
  const first = await lease("one");
  assert.ok(first !== undefined);
  await store.release(first, "another");
  await store.release({ ...first, epoch: 0 }, "one");
  assert.equal(await lease("two"), undefined);
  await store.release(first, "one");
  const second = await lease("two");
  assert.ok(second !== undefined);
  await store.release(first, "one");
  assert.equal(await lease("three"), undefined);
  // Deletions wait for a transaction that they can share, and here this is the next lease.
  const [late, timely] = [store.confirm(first, [1]), store.confirm(second, [1])];
  const refused = assert.rejects(late, (error) => isProblem(error, "kit/stale-epoch"));
  await lease("two");
  await refused;
  await timely;
});
