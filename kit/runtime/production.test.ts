import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import { ConfigError, developmentDefault, isLoopback, loadConfig, productionSwitch } from "./index.ts";

test("PRODUCTION decides between development and production; without it NODE_ENV=production does", () => {
  const modes = [
    [{}, { production: false, from: "default" }],
    [{ NODE_ENV: "development" }, { production: false, from: "default" }],
    [{ NODE_ENV: "production" }, { production: true, from: "NODE_ENV" }],
    [{ NODE_ENV: " Production" }, { production: true, from: "NODE_ENV" }],
    [{ PRODUCTION: "" }, { production: false, from: "default" }],
    [{ PRODUCTION: "true" }, { production: true, from: "PRODUCTION" }],
    [
      { PRODUCTION: "True", NODE_ENV: "test" },
      { production: true, from: "PRODUCTION" },
    ],
    [{ PRODUCTION: "false" }, { production: false, from: "PRODUCTION" }],
  ] as const;
  for (const [env, mode] of modes) assert.deepEqual(productionSwitch(env), mode, JSON.stringify(env));
});

test("a production switch that says neither yes nor no, or contradicts NODE_ENV, is refused", () => {
  for (const env of [{ PRODUCTION: "1" }, { PRODUCTION: "yes" }, { PRODUCTION: "false", NODE_ENV: "production" }])
    assert.throws(() => productionSwitch(env), ConfigError, JSON.stringify(env));
});

test("a default for development does not hold in production: another one does, or the setting must be set", () => {
  const fields = {
    open: developmentDefault(t.Boolean({ default: true }), { production: false }),
    mail: developmentDefault(t.String({ default: "captured", description: "the mail server" })),
  };
  const load = (production: boolean, env: Readonly<Record<string, string>> = {}) =>
    loadConfig([{ name: "", fields }], { env, production }).section("");
  assert.deepEqual(load(false), { open: true, mail: "captured" });
  assert.deepEqual(load(true, { HOLDFAST_MAIL: "smtp://mail" }), { open: false, mail: "smtp://mail" });
  assert.deepEqual(load(true, { HOLDFAST_MAIL: "captured", HOLDFAST_OPEN: "true" }), { open: true, mail: "captured" });
  assert.throws(
    () => load(true),
    /HOLDFAST_MAIL \(or --mail\) is not set, and in production it has no default: .*\(the mail server\)/,
  );
});

test("loopback hosts are told from those that other machines reach", () => {
  for (const host of ["localhost", "shop.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
    assert.ok(isLoopback(host), host);
  for (const host of [
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.example.com",
    "localhost.example.com",
    "",
    "1127.0.0.1",
    "1::1",
  ])
    assert.ok(!isLoopback(host), host);
});
