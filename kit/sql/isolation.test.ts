import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isolationConformance } from "./isolation.conformance.ts";
import { postgresGround } from "./fixtures/isolation.postgres.ts";

isolationConformance("SQLite", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "holdfast-isolation-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { url: `sqlite:${folder}`, name: "orders", isolation: "serializable" };
});

for (const isolation of ["serializable", "read committed"] as const) {
  const { ground, skip } = postgresGround(isolation);
  isolationConformance(`PostgreSQL, ${isolation}`, ground, skip);
}
