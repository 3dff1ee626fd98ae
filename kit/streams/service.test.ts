import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { isProblem } from "../contract/index.ts";
import { noFaults, type FaultPoint } from "../runtime/index.ts";
import { operator, start, until, user, type TestSystem } from "../testing/index.ts";
import { bank, Deposit, GetHistory, GetRebuild, RebuildBalances, SalaryPaid } from "./fixtures/bank.ts";

const as = operator();
const deposit = async (system: TestSystem, accountId: string, body: { cents: number; at?: number }) =>
  (await system.call(Deposit, { params: { accountId }, body })).body;
const eventsOf = async (system: TestSystem, accountId: string) =>
  (await system.call(GetHistory, { params: { accountId }, query: {}, as })).body.items;

test("a route and a consumer append to one stream, and its history tells an operator why", async () => {
  await using system = await start(bank);
  assert.deepEqual(await deposit(system, "ada", { cents: 5 }), { cents: 5, version: 1 });
  const data = JSON.stringify({ accountId: "ada", cents: 100 });
  const id = await system.inject({ type: SalaryPaid.name, key: "ada", data, correlationId: "payday" });
  await system.settled();
  const [first, second] = await eventsOf(system, "ada");
  assert.deepEqual([second?.correlationId, second?.causationId], ["payday", id]);
  assert.match(first?.correlationId ?? "", /^[0-9a-f-]{36}$/);
  assert.notEqual(first?.causationId, id);
  await assert.rejects(system.call(GetHistory, { params: { accountId: "ada" }, query: {}, as: user("ada") }), {
    code: "kit/forbidden",
  });
});

test("who demands an outdated version is refused, and nothing is appended", async () => {
  await using system = await start(bank);
  await deposit(system, "ada", { cents: 5, at: 0 });
  await assert.rejects(deposit(system, "ada", { cents: 5, at: 0 }), (error) => isProblem(error, "kit/stream-moved"));
  assert.equal((await eventsOf(system, "ada")).length, 1);
});

test("a message whose stream only newer code can read waits for an instance of that code, and is no dead letter", async () => {
  await using system = await start(bank);
  await deposit(system, "ada", { cents: 5 });
  const file = path.join(system.data, "bank.db");
  const becomes = (event: string) => {
    const db = new DatabaseSync(file, { timeout: 5_000 });
    db.prepare(`UPDATE "streamEvents" SET event = ? WHERE stream = 'ada'`).run(event);
    db.close();
  };
  becomes("granted"); // As newer code would have written it.
  const data = JSON.stringify({ accountId: "ada", cents: 100 });
  await system.inject({ type: SalaryPaid.name, key: "ada", data });
  const parked = () => system.log.some(({ event }) => event === "message failed");
  await until("it is parked", parked);
  becomes("deposited");
  await until("it is handled", async () => {
    await system.runtime.advance(1_000);
    return (await eventsOf(system, "ada")).length === 2;
  });
  assert.deepEqual(await system.service("bank").store.deadLetters({ limit: 1 }), []);
});

test("a rebuild that is broken off goes on after a restart, and requests are answered meanwhile", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-bank-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  let steps = 0;
  const at = (point: FaultPoint) => {
    if (point !== "parked:deleted") return;
    steps += 1;
    if (steps > 2) throw new Error("The power is gone.");
  };
  const ids = Array.from({ length: 260 }, (_, n) => String(n));
  const last = async (system: TestSystem) => (await system.call(GetRebuild, { as })).body.last;
  {
    await using before = await start(bank, { data, faults: { ...noFaults, at } });
    await Promise.all(ids.map((id) => deposit(before, id, { cents: 1 })));
    await before.call(RebuildBalances, { as });
    await until("the third step has failed", () => steps > 2);
    assert.deepEqual(await deposit(before, "0", { cents: 1 }), { cents: 2, version: 2 });
    const report = await last(before);
    assert.deepEqual([report?.seen, report?.state], [200, "running"]);
  }
  await using after = await start(bank, { data });
  await until("the rebuild is done", async () => (await last(after))?.state === "done");
  const report = await last(after);
  assert.deepEqual([report?.seen, report?.differed], [260, 0]);
});
