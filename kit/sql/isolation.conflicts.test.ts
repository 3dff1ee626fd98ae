import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Client } from "pg";
import { inUnit, insert, counter, openers, seed, valueOf, type Access } from "./isolation.fixture.ts";
import { postgresGround } from "./fixtures/isolation.postgres.ts";

const { ground, skip } = postgresGround("read committed");
const options = { skip, timeout: 30_000 };

/** A store, and a session of someone else in its schema. */
async function opened(t: TestContext) {
  const place = await ground(t);
  const { one, runtime } = openers(t, place);
  const store = await one();
  const other = new Client(place.url);
  await other.connect();
  t.after(() => other.end());
  await other.query(`SET search_path TO "${place.name}"`);
  /** Resolves when a store's session waits for what `other` has locked. */
  const waiting = async () => {
    const deadline = performance.now() + 5_000;
    for (;;) {
      const { rowCount } = await other.query(
        "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))",
      );
      if (rowCount !== 0) return;
      assert.ok(performance.now() < deadline, "nobody came to wait for the lock");
    }
  };
  return { store, runtime, other, waiting };
}

const increment = async ({ db }: Access, name: string) => {
  const { value } = await counter({ db }, name);
  await db
    .updateTable("counters")
    .set({ value: value + 1 })
    .where("name", "=", name)
    .execute();
};

test(
  "a group that meets a lock runs again one by one, and the whole of it succeeds when the lock is gone",
  options,
  async (t) => {
    const { store, other, waiting } = await opened(t);
    await seed(store, [
      ["free", 0],
      ["held", 0],
    ]);
    await other.query("BEGIN; UPDATE counters SET value = 10 WHERE name = 'held'");
    const units = (["free", "held", "free"] as const).map((name) => inUnit(store, (access) => increment(access, name)));
    // The first of the group is committed on its own, while the one in the middle waits.
    await units[0];
    await waiting();
    assert.equal(await valueOf(store, "held"), 0);
    await other.query("COMMIT");
    await Promise.all(units);
    assert.equal(await valueOf(store, "held"), 11);
    assert.equal(await valueOf(store, "free"), 2);
  },
);

test("a unit that never gets its lock is refused at its deadline, and its neighbours are not", options, async (t) => {
  const { store, runtime, other } = await opened(t);
  await seed(store, [["held", 0]]);
  await other.query("BEGIN; UPDATE counters SET value = 10 WHERE name = 'held'");
  const late = store.unit({
    label: "Increment",
    deadline: runtime.clock.monotonic() + 200,
    work: ({ access }) => increment(access, "held"),
  });
  const neighbour = inUnit(store, ({ db }) => insert(db, "a"));
  await assert.rejects(late, { code: "kit/overloaded" });
  await neighbour;
  await other.query("ROLLBACK");
  assert.equal(await valueOf(store, "held"), 0);
});

test("a key in use elsewhere is waited for outside any transaction, until the deadline", options, async (t) => {
  const { store, runtime, other } = await opened(t);
  await seed(store, [["paid", 0]]);
  const pay = (ms: number) =>
    store.unit({
      label: "Pay",
      deadline: runtime.clock.monotonic() + ms,
      key: { scope: "payer/Pay/1", fingerprint: "f" },
      encode: () => ({ status: 201, body: undefined, headers: {} }),
      work: ({ access }) => increment(access, "paid"),
    });
  await other.query("BEGIN");
  await other.query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' payer/Pay/1', 0))");
  await assert.rejects(pay(100), { code: "kit/idempotency-key-in-use" });
  const patient = pay(10_000);
  // The lane is free meanwhile.
  await inUnit(store, ({ db }) => insert(db, "a"));
  await other.query("COMMIT");
  assert.equal((await patient).kind, "committed");
  assert.equal((await pay(10_000)).kind, "replayed");
  assert.equal(await valueOf(store, "paid"), 1);
});
