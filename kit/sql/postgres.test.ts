import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sqlEngineConformance } from "./engine.conformance.ts";
import type { Session } from "./engine.ts";
import { freshPostgres, onServer, postgresSkip, waitingForLocks } from "./fixtures/engines.ts";
import { numbered } from "./statements.ts";

const skip = postgresSkip;
sqlEngineConformance("PostgreSQL", freshPostgres, { strict: true, readOnly: true, skip });

const pgTest = (does: string, body: (t: TestContext) => Promise<void>): void => {
  void test(does, { skip, timeout: 30_000 }, body);
};
const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail("nothing failed"),
    (error: unknown) => error,
  );
const closing = <T extends Session>(t: TestContext, session: T): T => {
  t.after(() => session.close());
  return session;
};

pgTest("COMMIT after a failed statement is an error: PostgreSQL itself says ROLLBACK and no more", async (t) => {
  const engine = await freshPostgres(t);
  const session = closing(t, await engine.open("writer"));
  await session.run("CREATE TABLE a (b bigint)");
  await session.begin("write");
  await session.run("INSERT INTO a VALUES (1)");
  await reasonOf(Promise.resolve(session.run("SELECT 1 / 0")));
  await assert.rejects(async () => session.commit(), /Nothing was committed/);
  assert.equal(session.inTransaction(), false);
  assert.equal((await session.run("SELECT * FROM a")).rows.length, 0);
});

pgTest("of two serializable transactions that read what the other writes, one is a conflict", async (t) => {
  const engine = await freshPostgres(t);
  const [one, two] = [closing(t, await engine.open("writer")), closing(t, await engine.open("writer"))];
  await one.run("CREATE TABLE a (b bigint)");
  for (const session of [one, two]) {
    await session.begin("write");
    await session.run("SELECT count(*) FROM a");
  }
  await one.run("INSERT INTO a VALUES (1)");
  await one.commit();
  const failed = await reasonOf(
    (async () => {
      await two.run("INSERT INTO a VALUES (2)");
      await two.commit();
    })(),
  );
  assert.equal(engine.classify(failed), "conflict");
  await two.rollback();
});

pgTest("who waits too long for a lock has a conflict", async (t) => {
  const engine = await freshPostgres(t, { lockTimeoutMs: 20 });
  const [one, two] = [closing(t, await engine.open("writer")), closing(t, await engine.open("writer"))];
  await one.run("CREATE TABLE a (b bigint)");
  await one.run("INSERT INTO a VALUES (1)");
  for (const [session, lockMs] of [
    [one, undefined],
    [two, 30],
  ] as const)
    await session.begin("write", { isolation: "read committed", ...(lockMs === undefined ? {} : { lockMs }) });
  await one.run("UPDATE a SET b = 2");
  assert.equal(engine.classify(await reasonOf(Promise.resolve(two.run("UPDATE a SET b = 3")))), "conflict");
  await two.rollback();
  await one.commit();
});

pgTest("a deadlock is a conflict for one, and the other goes on", async (t) => {
  const engine = await freshPostgres(t);
  const sessions = [closing(t, await engine.open("writer")), closing(t, await engine.open("writer"))] as const;
  await sessions[0].run("CREATE TABLE a (k text PRIMARY KEY, b bigint)");
  await sessions[0].run("INSERT INTO a VALUES ('x', 0), ('y', 0)");
  const lock = (session: Session, key: string) => session.run("UPDATE a SET b = b + 1 WHERE k = ?", [key]);
  for (const session of sessions) await session.begin("write", { isolation: "read committed" });
  await lock(sessions[0], "x");
  await lock(sessions[1], "y");
  const outcomes = await Promise.allSettled([lock(sessions[0], "y"), lock(sessions[1], "x")]);
  const rejected = outcomes.flatMap((each): readonly unknown[] => (each.status === "rejected" ? [each.reason] : []));
  assert.deepEqual(rejected.map(engine.classify), ["conflict"]);
  for (const session of sessions) await session.rollback();
});

pgTest("a column added by another process is a conflict for a plan that is kept, and the next try works", async (t) => {
  const engine = await freshPostgres(t);
  const [one, two] = [closing(t, await engine.open("writer")), closing(t, await engine.open("writer"))];
  await one.run("CREATE TABLE a (b bigint)");
  const ask = async () => (await one.run("SELECT * FROM a WHERE b = ?", [1])).rows;
  for (let time = 0; time < 8; time += 1) await ask();
  await two.run("ALTER TABLE a ADD COLUMN c bigint");
  assert.equal(engine.classify(await reasonOf(ask())), "conflict");
  assert.deepEqual(await ask(), []);
});

pgTest("what runs too long is ended", async (t) => {
  const engine = await freshPostgres(t, { statementTimeoutMs: 20 });
  const session = closing(t, await engine.open("writer"));
  const failed = await reasonOf(Promise.resolve(session.run("SELECT pg_sleep(20)")));
  assert.match(String(failed), /statement timeout/);
  assert.equal((await session.run("SELECT 1 AS one")).rows[0]?.["one"], 1);
});

pgTest("a connection that is ended is lost, and the process lives on", async (t) => {
  const engine = await freshPostgres(t);
  const session = closing(t, await engine.open("writer"));
  await session.begin("write");
  const { pid } = await session.transactionId();
  await onServer((client) => client.query("SELECT pg_terminate_backend($1)", [pid]));
  for (let time = 0; time < 2; time += 1)
    assert.equal(engine.classify(await reasonOf(Promise.resolve(session.run("SELECT 1")))), "lost");
  await session.rollback();
  assert.equal(session.inTransaction(), false);
});

pgTest(
  "a server without room, or that is read-only, cannot be written; one without connections, or that stops, is lost",
  async (t) => {
    const engine = await freshPostgres(t);
    const session = closing(t, await engine.open("writer"));
    const classOf = async (state: string) =>
      engine.classify(
        await reasonOf(Promise.resolve(session.run(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${state}'; END $$`))),
      );
    assert.deepEqual(await Promise.all(["53100", "25006"].map(classOf)), ["unwritable", "unwritable"]);
    assert.deepEqual(await Promise.all(["53300", "57P03", "57P01"].map(classOf)), ["lost", "lost", "lost"]);
  },
);

pgTest("a server that is not there is lost", async (t) => {
  const engine = await freshPostgres(t, { url: "postgres://app@127.0.0.1:1/none", connectTimeoutMs: 2_000 });
  assert.equal(engine.classify(await reasonOf(engine.open("writer"))), "lost");
});

pgTest(
  "the fate of a transaction is told apart while it runs, when committed, rolled back and terminated",
  async (t) => {
    const engine = await freshPostgres(t);
    const session = closing(t, await engine.open("writer"));
    await session.begin("write");
    const committed = await session.transactionId();
    assert.equal(await engine.fateOf(committed), "running");
    await session.commit();
    assert.equal(await engine.fateOf(committed), "committed");
    await session.begin("write");
    const undone = await session.transactionId();
    // The same process, another transaction: it must not be hit.
    assert.equal(await engine.terminate(committed), false);
    await session.rollback();
    assert.equal(await engine.fateOf(undone), "aborted");
    await session.begin("write");
    const ended = await session.transactionId();
    assert.equal(await engine.terminate(ended), true);
    const deadline = performance.now() + 10_000;
    while ((await engine.fateOf(ended)) === "running")
      assert.ok(performance.now() < deadline, "still running after 10 s");
    assert.equal(await engine.fateOf(ended), "aborted");
  },
);

pgTest("processes that start at the same time make their schema once", async (t) => {
  const engine = await freshPostgres(t);
  const sessions = await Promise.all(Array.from({ length: 6 }, () => engine.again().open("writer")));
  for (const session of sessions) closing(t, session);
  const schemas = await Promise.all(sessions.map(async (session) => session.run("SELECT current_schema() AS schema")));
  assert.equal(new Set(schemas.map(({ rows }) => rows[0]?.["schema"])).size, 1);
  assert.match(String(schemas[0]?.rows[0]?.["schema"]), /^test /);
});

pgTest("a schema that another process makes at the same moment is taken as it is", async (t) => {
  const engine = await freshPostgres(t);
  const probe = await engine.open("reader");
  const schema = String((await probe.run("SELECT current_schema() AS schema")).rows[0]?.["schema"]);
  await onServer(async (other) => {
    for (const statement of [`DROP SCHEMA "${schema}"`, "BEGIN", `CREATE SCHEMA "${schema}"`])
      await other.query(statement);
    const opening = engine.again().open("writer");
    await onServer((watcher) => waitingForLocks(watcher, 1, "any"));
    await other.query("COMMIT");
    assert.equal((await (await opening).run("SELECT current_schema() AS schema")).rows[0]?.["schema"], schema);
  });
});

test("question marks are numbered outside of text, names and comments, unless the statement has numbers of its own", () => {
  assert.equal(
    numbered(`a = ? AND b = '?''?' AND "c?" = ? -- ?\n/* ? */ OR d = ?`),
    `a = $1 AND b = '?''?' AND "c?" = $2 -- ?\n/* ? */ OR d = $3`,
  );
  assert.equal(numbered("a = $1 AND b ? 'key'"), "a = $1 AND b ? 'key'");
  assert.equal(numbered("a = '$1' AND b = ?"), "a = '$1' AND b = $1");
});
