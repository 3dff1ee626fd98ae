import assert from "node:assert/strict";
import { test } from "node:test";
import { mint } from "./token.ts";
import { chosen } from "./settings.ts";

const choose = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  chosen({ systems: {}, args, env }).own;
const jwks = "--jwks=https://id.example.com/jwks";

test("a host that other machines can reach starts only after a choice between development and production", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.1"]) {
    assert.throws(() => choose({}, `--host=${host}`), /can be reached from other machines.*PRODUCTION/);
    assert.equal(choose({ PRODUCTION: "false" }, `--host=${host}`).production, false);
    assert.equal(choose({ PRODUCTION: "true" }, `--host=${host}`, jwks).production, true);
  }
  for (const host of ["127.0.0.1", "localhost", "::1"]) assert.equal(choose({}, `--host=${host}`).host, host);
});

test("production needs the address of a key set, and refuses sample data and planted faults", () => {
  const env = { NODE_ENV: "production" };
  assert.throws(() => choose(env), /HOLDFAST_JWKS .* is not set/);
  assert.throws(() => choose(env, jwks, "--seed"), /--seed is on/);
  assert.throws(() => choose({ ...env, HOLDFAST_FAULT: "unit:committed:1" }, jwks), /HOLDFAST_FAULT is set/);
  const { seed, logFormat } = choose(env, jwks);
  assert.deepEqual({ seed, logFormat }, { seed: false, logFormat: "json" });
});

test("--show-config shows the mode, and what chose it", () => {
  const { config } = chosen({ systems: {}, args: [], env: { PRODUCTION: "false" } });
  assert.deepEqual(config.settings[0], { name: "production", from: "PRODUCTION", value: "false" });
});

test("the development key signs no tokens in production", async () => {
  await assert.rejects(mint(["ops", "operator"], { PRODUCTION: "true" }), /no tokens in production/);
});
