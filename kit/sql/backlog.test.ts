import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRuntime } from "../runtime/index.ts";
import { backlog } from "./backlog.ts";
import { freshPostgres, freshSqlite, postgresSkip } from "./fixtures/engines.ts";
import { openStore } from "./sql.ts";

const now = Date.UTC(2030, 0, 1);
const envelope = `"messageId", source, type, version, "key", time, "correlationId", headers, data`;
const values = `'m' || i, '/s', 't', 1, 'k' || i, '2029-12-31T23:59:00.000Z', 'c', '{}', 'x'`;
const many = (count: number, insert: string): string =>
  `WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${String(count)}) ${insert} FROM numbers`;
const parked = (nextAt: string, attempts: number): string =>
  `INSERT INTO holdfast_parked (subscription, ${envelope}, attempts, "nextAt", error, redrive) SELECT 's', ${values}, ${String(attempts)}, ${nextAt}, '', 0`;
const letters = (prefix: string, state: string): string =>
  `INSERT INTO holdfast_dead_letters (id, subscription, ${envelope}, attempts, redrive, code, error, "effectKeys", state, "diedAt", "holdsKey") SELECT '${prefix}' || i, '${prefix}', ${values}, 1, 0, 'c', 'e', '[]', '${state}', 1, 0`;

for (const [name, fresh, skip] of [
  ["sqlite", freshSqlite, false],
  ["postgres", freshPostgres, postgresSkip],
] as const)
  test(
    `${name}: what waits is counted exactly where it is little, and as at least about 1,000 where it is much`,
    { skip },
    async (t) => {
      const engine = await fresh(t);
      const place = {
        name: "waiting",
        runtime: systemRuntime(),
        onFatal: (error: unknown) => assert.fail(String(error)),
      };
      const store = await openStore(engine, place, { tables: {}, migrations: [] });
      const session = await engine.open("writer");
      const [later, earlier] = [String(now + 1), String(now)];
      const fill = async (...statements: readonly string[]) => {
        for (const statement of statements) await session.run(statement);
      };
      assert.deepEqual(await backlog(session, now), {
        outbox: 0,
        outboxSince: undefined,
        parked: 0,
        timers: 0,
        dead: 0,
      });
      await fill(
        many(9, `INSERT INTO holdfast_outbox (${envelope}) SELECT ${values}`),
        // One that stays behind where others have gone.
        "DELETE FROM holdfast_outbox WHERE seq > 1 AND seq < 8",
        many(2, parked("NULL", 0)),
        many(3, parked(earlier, 1)),
        many(4, parked(later, 1)),
        many(5, parked(later, 0)),
        many(6, letters("dead", "dead")),
        many(7, letters("gone", "discarded")),
      );
      const little = { outbox: 3, outboxSince: now - 60_000, parked: 9, timers: 5, dead: 6 };
      assert.deepEqual(await backlog(session, now), little);
      await fill(
        many(1_500, `INSERT INTO holdfast_outbox (${envelope}) SELECT ${values}`),
        many(6_000, parked("NULL", 0)),
        many(6_000, parked(later, 0)),
        many(6_000, letters("more", "dead")),
      );
      const much = await backlog(session, now);
      assert.equal(much.outbox, 1_509, "from the first number to the last");
      assert.ok(much.parked >= 1_000 && much.parked <= 6_009, String(much.parked));
      assert.ok(much.timers !== undefined && much.timers >= 900 && much.timers <= 6_005, String(much.timers));
      assert.ok(much.dead >= 1_000 && much.dead <= 6_006, String(much.dead));
      await session.close();
      await store.close();
    },
  );
