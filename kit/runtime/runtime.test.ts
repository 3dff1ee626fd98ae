import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Type as t } from "typebox";
import {
  ConfigError,
  configTable,
  controlledRuntime,
  loadConfig,
  secret,
  systemRuntime,
  timeOfUuidv7,
} from "./index.ts";

test("UUIDv7s of a process are in strict order and carry their time", () => {
  const { ids, clock } = systemRuntime();
  const made = Array.from({ length: 20_000 }, () => ids.uuidv7());
  assert.deepEqual(
    made.toSorted((a, b) => (a < b ? -1 : 1)),
    made,
  );
  assert.equal(new Set(made).size, made.length);
  assert.ok(Math.abs((timeOfUuidv7(made[0] ?? "") ?? 0) - clock.now()) < 5_000);
});

test("derived ids differ where their parts do, joints included", () => {
  const { ids } = systemRuntime();
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), fc.array(fc.string(), { minLength: 1 }), (a, b) => {
      assert.equal(ids.derived(...a) === ids.derived(...b), JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test("a controlled clock runs due timers in their order when it is moved", async () => {
  const runtime = controlledRuntime();
  const ran: string[] = [];
  runtime.timers.after(60_000, () => ran.push("late"));
  runtime.timers.after(30_000, () => ran.push("early"));
  const before = runtime.clock.now();
  await runtime.advance(61_000);
  assert.deepEqual(ran, ["early", "late"]);
  assert.ok(runtime.clock.now() - before >= 61_000);
});

const section = {
  name: "orders",
  fields: {
    maxLines: t.Integer({ default: 100, minimum: 1 }),
    token: secret(t.String({ minLength: 8 })),
    mode: t.Union([t.Literal("a"), t.Literal("b")], { default: "a" }),
  },
};

test("settings come from flags before the environment before defaults, and say so; secrets are masked", () => {
  const config = loadConfig([section], {
    env: { HOLDFAST_ORDERS_TOKEN: "very-secret", HOLDFAST_ORDERS_MAX_LINES: "5" },
    flags: ["--orders.max-lines=7"],
  });
  assert.deepEqual(config.section("orders"), { maxLines: 7, token: "very-secret", mode: "a" });
  const table = configTable(config);
  assert.match(table, /maxLines\s+7\s+\(--orders\.max-lines\)/);
  assert.ok(!table.includes("very-secret"));
});

test("nothing of a secret is told, neither its value nor its default, however wrong it is", () => {
  const vault = {
    name: "vault",
    fields: {
      key: secret(t.String({ default: "built-in", minLength: 20 })),
      url: secret(t.String({ pattern: "^https:" })),
    },
  };
  const flags = ["--vault.key=hunter2", "--vault.urll=https://user:password@host"];
  assert.throws(
    () => loadConfig([vault], { env: { HOLDFAST_VAULT_URL: "ftp://user:password@host" }, flags }),
    (error) =>
      error instanceof ConfigError && error.faults.length === 3 && !/built-in|hunter2|password/.test(error.message),
  );
});

test("a flag that is given twice is a fault, and odd names are no settings", () => {
  const flags = ["--orders.mode=a", "--orders.mode=b", "--__proto__=x", "--constructor", "--orders.token=12345678"];
  assert.throws(
    () => loadConfig([section], { env: {}, flags }),
    (error) =>
      error instanceof ConfigError &&
      ["--orders.mode is given twice", "--__proto__ is not", "--constructor is not"].every((text) =>
        error.message.includes(text),
      ),
  );
});

test("all wrong settings are told at once, with where they were set and what was meant", () => {
  assert.throws(
    () =>
      loadConfig([section], {
        env: { HOLDFAST_ORDERS_MAX_LINES: "none", HOLDFAST_ORDERS_TOKEN: "short", HOLDFAST_ORDERS_MODEL: "x" },
      }),
    (error) =>
      error instanceof ConfigError &&
      error.faults.length === 3 &&
      !error.message.includes("short") &&
      /did you mean HOLDFAST_ORDERS_MODE\?/.test(error.message),
  );
});
