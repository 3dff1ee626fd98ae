// The test command is shown tests that fail, are skipped or do not load; it must say so, and end with 1.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./repository.ts";

function report(text: string, env: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-report-"));
  try {
    writeFileSync(join(folder, "a.test.mjs"), `import { describe, test } from "node:test";\n${text}`);
    const args = [
      "--test",
      `--test-reporter=${join(root, "scripts/test-reporter.ts")}`,
      "--test-reporter-destination=stdout",
      "a.test.mjs",
    ];
    // NODE_TEST_CONTEXT would make it a part of this very run.
    const options = {
      cwd: folder,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, HOLDFAST_REQUIRE_ENGINES: undefined, ...env },
    };
    return spawnSync(process.execPath, args, { ...options, encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a passing run ends with the closing lines of node's test runner", () => {
  const { stdout, status } = report(`test("a", () => {}); describe("b", () => { test("c", () => {}); });`);
  assert.match(stdout, /^ok {5}a\.test\.mjs {2}2 tests, \d+ ms$/m);
  assert.match(
    stdout,
    /# tests 2\n# suites 1\n# pass 2\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n# duration_ms [\d.]+\n$/,
  );
  assert.equal(status, 0);
});

test("a failure is shown with its cause, named again at the end, and fails the run", () => {
  const { stdout, status } = report(`describe("b", () => { test("c", () => { throw new Error("planted"); }); });`);
  assert.match(stdout, /FAILED a\.test\.mjs: c\nError: planted/);
  assert.match(stdout, /Failed:\n {2}a\.test\.mjs: c\n/);
  assert.match(stdout, /# fail 1\n/);
  assert.equal(status, 1);
});

test("a file that does not load fails the run", () => {
  const { stdout, status } = report(`import "./missing.mjs";`);
  assert.match(stdout, /Failed:\n {2}a\.test\.mjs/);
  assert.equal(status, 1);
});

test("a hook that fails is shown", () => {
  const { stdout, status } = report(
    `import { after } from "node:test"; after(() => { throw new Error("planted"); }); test("a", () => {});`,
  );
  assert.match(stdout, /planted/);
  assert.equal(status, 1);
});

const skipped = `test("a", { skip: "needs PostgreSQL" }, () => {}); test("b", { skip: "only on Windows" }, () => {});`;

test("skipped tests are listed with their reasons", () => {
  const { stdout, status } = report(skipped);
  assert.match(
    stdout,
    /Skipped:\n {2}needs PostgreSQL\n {4}a\.test\.mjs: a\n {2}only on Windows\n {4}a\.test\.mjs: b\n/,
  );
  assert.equal(status, 0);
});

test("where engines are required, a test skipped for want of one fails the run", () => {
  const { stdout, status } = report(skipped, { HOLDFAST_REQUIRE_ENGINES: "1" });
  assert.match(stdout, /tests were skipped: needs PostgreSQL\n/);
  assert.equal(status, 1);
});
