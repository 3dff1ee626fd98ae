import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRuntime } from "../runtime/index.ts";
import { sqlEngineConformance } from "./engine.conformance.ts";
import { freshSqlite } from "./fixtures/engines.ts";
import type { Session } from "./engine.ts";
import { openStore } from "./sql.ts";

sqlEngineConformance("SQLite", freshSqlite, { strict: true, readOnly: true });

test("a second writer finds SQLite busy at once, and can begin when the first has committed", async (t) => {
  const engine = await freshSqlite(t);
  const [one, two] = [await engine.open("writer"), await engine.open("writer")];
  await one.begin("write");
  const started = performance.now();
  assert.throws(
    () => two.begin("write"),
    (error) => engine.classify(error) === "busy",
  );
  assert.ok(performance.now() - started < 1_000, "it waited");
  assert.equal(two.inTransaction(), false);
  await one.commit();
  await two.begin("write");
  await two.commit();
  await Promise.all([one.close(), two.close()]);
});

test("a read that would have to write after another commit is busy, not stale", async (t) => {
  const engine = await freshSqlite(t);
  const [one, two] = [await engine.open("writer"), await engine.open("writer")];
  await one.run("CREATE TABLE a (b INTEGER) STRICT");
  await two.begin("read");
  await two.run("SELECT * FROM a");
  await one.run("INSERT INTO a VALUES (1)");
  // SQLITE_BUSY_SNAPSHOT, 517
  assert.throws(
    () => two.run("INSERT INTO a VALUES (2)"),
    (error) => engine.classify(error) === "busy",
  );
  await two.rollback();
  await Promise.all([one.close(), two.close()]);
});

test("more statements than are kept still give their own answers", async (t) => {
  const engine = await freshSqlite(t);
  const session = await engine.open("writer");
  for (let round = 0; round < 2; round += 1)
    for (let at = 0; at < 700; at += 1) {
      const { rows } = await session.run(`SELECT ? + ${String(at)} AS sum`, [round]);
      assert.equal(rows[0]?.["sum"], round + at);
    }
  await session.close();
});

test("a column of SQLite refuses what is not of its type", async (t) => {
  const engine = await freshSqlite(t);
  const session = await engine.open("writer");
  await session.run("CREATE TABLE a (b INTEGER NOT NULL) STRICT");
  assert.throws(
    () => session.run("INSERT INTO a VALUES (?)", [1.5]),
    (error) => engine.classify(error) === "constraint",
  );
  await session.close();
});

test("a store whose last connection cannot be opened closes those that were", async (t) => {
  const engine = await freshSqlite(t);
  const opened: Session[] = [];
  const refusing = {
    ...engine,
    async open(role: "writer" | "reader") {
      if (role === "reader") throw new Error("no connection is left");
      const session = await engine.open(role);
      opened.push(session);
      return session;
    },
  };
  const place = { name: "shop", runtime: systemRuntime(), onFatal: (error: unknown) => assert.fail(String(error)) };
  await assert.rejects(openStore(refusing, place, { tables: {}, migrations: [] }), /no connection is left/);
  assert.ok(opened.length > 0);
  for (const session of opened) assert.throws(() => session.run("SELECT 1"), /not open/);
});
