import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { TestContext } from "node:test";
import path from "node:path";
import { postgresGround } from "./fixtures/isolation.postgres.ts";
import { isolationConformance } from "./isolation.conformance.ts";
import type { SqlGround } from "./isolation.fixture.ts";
import { sqliteEngine } from "./sqlite.ts";

const onSqlite = async (t: TestContext): Promise<SqlGround> => {
  const folder = await mkdtemp(path.join(tmpdir(), "holdfast-isolation-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const engine = () => sqliteEngine({ file: path.join(folder, "orders.db"), durability: "none" });
  return { name: "orders", isolation: "serializable", engine };
};
isolationConformance("SQLite", onSqlite, { shared: true });

for (const isolation of ["serializable", "read committed"] as const) {
  const { ground, skip } = postgresGround(isolation);
  isolationConformance(`PostgreSQL, ${isolation}`, ground, { shared: true, skip });
}
