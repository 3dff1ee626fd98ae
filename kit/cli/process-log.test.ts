import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { chosen, type PlatformOptions } from "./settings.ts";

const settingsOf = (env: PlatformOptions["env"], ...args: readonly string[]) => chosen({ systems: {}, args, env }).own;

test("the console is for people, and for machines in production, unless it is said otherwise", () => {
  assert.equal(settingsOf({}).logFormat, "pretty");
  const production = { PRODUCTION: "true", HOLDFAST_JWKS: "https://id.example.com/jwks" };
  assert.equal(settingsOf(production).logFormat, "json");
  assert.equal(settingsOf(production, "--log-format=pretty").logFormat, "pretty");
});

test("log files stand in the data folder, in another one, or nowhere", () => {
  assert.equal(settingsOf({}, "--data=/srv/shop").logs, path.resolve("/srv/shop/logs"));
  assert.equal(settingsOf({ HOLDFAST_LOGS: "/var/log/shop" }).logs, path.resolve("/var/log/shop"));
  assert.equal(settingsOf({}, "--logs=off").logs, undefined);
});

const entry = path.join(import.meta.dirname, "fixtures/logging.ts");
/** A process that logs, and ends itself at once. */
function logged(context: TestContext, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-process-log-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const { stdout, status, stderr } = spawnSync(process.execPath, [entry, `--data=${data}`, ...args], {
    encoding: "utf8",
    env: { ...process.env, NODE_ENV: undefined, ...env },
  });
  assert.equal(status, 7, stderr);
  return { stdout, data };
}

test("a process that ends itself has written what waited; on a console that is no terminal there are no colours", (t) => {
  const { stdout, data } = logged(t);
  assert.match(stdout, /^[\d:.]+ info {5}\[who\] at the end\n$/);
  assert.deepEqual(readdirSync(path.join(data, "logs")), ["who.log"]);
  assert.match(readFileSync(path.join(data, "logs/who.log"), "utf8"), /^\{"level":"info",.*"msg":"at the end"\}\n$/);
});

test("files that cannot be written are said on the console", (t) => {
  const { stdout } = logged(t, [`--logs=${entry}`]);
  assert.match(stdout, /the log files cannot be written; the console alone has the entries folder=.*\n {4}Error: E/);
});
