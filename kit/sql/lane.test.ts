import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { isProblem } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { Conflict } from "./rejected.ts";
import type { Engine } from "./engine.ts";
import { snapshot } from "./migrations.ts";
import { message } from "./isolation.fixture.ts";
import { openStore } from "./sql.ts";
import { sqliteEngine } from "./sqlite.ts";
import { identity, integer, table } from "./tables.ts";

const tables = { orders: table({ id: identity(), amount: integer() }) };

test("deletions that share a commit with a unit that loses a conflict are done later, also where the unit is given up", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "holdfast-lane-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const runtime = controlledRuntime({ flowing: false });
  const engine = sqliteEngine({ file: path.join(folder, "orders.db"), durability: "none" });
  let loses = false;
  const [committing, lost] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const conflicting: Engine = {
    ...engine,
    async open(role) {
      const session = await engine.open(role);
      const commit = session.commit.bind(session);
      session.commit = async () => {
        if (!loses) return commit();
        loses = false;
        committing.resolve();
        await lost.promise;
        throw new Conflict("another transaction won");
      };
      return session;
    },
  };
  const place = { name: "orders", runtime, onFatal: (error: unknown) => assert.fail(String(error)) };
  const store = await openStore(conflicting, place, {
    tables,
    migrations: [{ name: "0001", snapshot: snapshot(tables) }],
  });
  t.after(() => store.close());
  const publish = (deadline: number) =>
    store.unit({
      label: "publish",
      deadline,
      async work(unit) {
        await unit.access.db.insertInto("orders").values({ amount: 1 }).execute();
        unit.publish(message);
      },
    });
  await publish(Infinity);
  const lease = await store.lease("relay", "one", 1_000_000);
  assert.ok(lease !== undefined);
  const [row] = await store.outbox(0, 10);
  assert.ok(row !== undefined);

  loses = true;
  let deleted = false;
  const deleting = store.confirm(lease, [row.seq]).then(() => (deleted = true));
  const unit = assert.rejects(publish(40), (error) => isProblem(error, "kit/overloaded"));
  await committing.promise;
  // Longer than deletions wait for another transaction.
  await runtime.advance(60);
  lost.resolve();
  await eventually("the row is deleted", async () => {
    await runtime.advance(10);
    return deleted;
  });
  await Promise.all([deleting, unit]);
  assert.deepEqual(await store.outbox(0, 10), []);
});
