import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { Client } from "pg";
import type { Isolation } from "./engine.ts";
import type { Ground } from "./isolation.fixture.ts";

/** A fresh schema for each test, in the database of HOLDFAST_TEST_POSTGRES; without one the tests are skipped, or fail where engines are required. */
export function postgresGround(isolation: Isolation): {
  readonly ground: (t: TestContext) => Promise<Ground>;
  readonly skip: string | false;
} {
  const url = process.env["HOLDFAST_TEST_POSTGRES"] ?? "";
  const required = process.env["HOLDFAST_REQUIRE_ENGINES"] === "1";
  return {
    skip: url === "" && !required ? "HOLDFAST_TEST_POSTGRES names no server: node scripts/postgres.ts -- …" : false,
    async ground(t) {
      if (url === "") throw new Error("HOLDFAST_REQUIRE_ENGINES=1, and HOLDFAST_TEST_POSTGRES names no server.");
      const name = `test_${randomUUID()}`;
      t.after(async () => {
        const client = new Client(url);
        await client.connect();
        await client.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
        await client.end();
      });
      return Promise.resolve({ url, name, isolation });
    },
  };
}
