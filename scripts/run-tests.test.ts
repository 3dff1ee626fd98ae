// The test command is shown tests that fail, are skipped or do not load; it must say so, and end with 1.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "./repository.ts";
import { groupFiles } from "./run-tests.ts";

const suite = (text: string) => ({ "a.test.mjs": `import { describe, test } from "node:test";\n${text}` });

/** By the first of the files; the others are beside it. */
function report(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-report-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const args = [
      "--test",
      `--test-reporter=${join(root, "scripts/test-reporter.ts")}`,
      "--test-reporter-destination=stdout",
      ...Object.keys(files).slice(0, 1),
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
  const { stdout, status } = report(suite(`test("a", () => {}); describe("b", () => { test("c", () => {}); });`));
  assert.match(stdout, /^ok {5}a\.test\.mjs {2}2 tests, \d+ ms$/m);
  assert.match(
    stdout,
    /# tests 2\n# suites 1\n# pass 2\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n# duration_ms [\d.]+\n$/,
  );
  assert.equal(status, 0);
});

test("a failure is shown with its cause, named again at the end, and fails the run", () => {
  const { stdout, status } = report(
    suite(`describe("b", () => { test("c", () => { throw new Error("planted"); }); });`),
  );
  assert.match(stdout, /FAILED a\.test\.mjs: c\nError: planted/);
  assert.match(stdout, /Failed:\n {2}a\.test\.mjs: c\n/);
  assert.match(stdout, /# fail 1\n/);
  assert.equal(status, 1);
});

test("a file that does not load fails the run", () => {
  const { stdout, status } = report(suite(`import "./missing.mjs";`));
  assert.match(stdout, /Failed:\n {2}a\.test\.mjs/);
  assert.equal(status, 1);
});

test("a hook that fails is shown", () => {
  const { stdout, status } = report(
    suite(`import { after } from "node:test"; after(() => { throw new Error("planted"); }); test("a", () => {});`),
  );
  assert.match(stdout, /planted/);
  assert.equal(status, 1);
});

const skipped = `test("a", { skip: "needs PostgreSQL" }, () => {}); test("b", { skip: "only on Windows" }, () => {});`;

test("skipped tests are listed with their reasons", () => {
  const { stdout, status } = report(suite(skipped));
  assert.match(
    stdout,
    /Skipped:\n {2}needs PostgreSQL\n {4}a\.test\.mjs: a\n {2}only on Windows\n {4}a\.test\.mjs: b\n/,
  );
  assert.equal(status, 0);
});

test("where engines are required, a test skipped for want of one fails the run", () => {
  const { stdout, status } = report(suite(skipped), { HOLDFAST_REQUIRE_ENGINES: "1" });
  assert.match(stdout, /tests were skipped: needs PostgreSQL\n/);
  assert.equal(status, 1);
});

function grouped(files: Readonly<Record<string, string>>) {
  const loader = pathToFileURL(join(root, "scripts/test-group.ts")).href;
  const here = 'import path from "node:path";';
  const paths = `${JSON.stringify(Object.keys(files))}.map((file) => path.join(import.meta.dirname, file))`;
  return report({ "some.group.mjs": `${here} import { group } from "${loader}"; group(${paths});`, ...files });
}
const uses = 'import { after, test } from "node:test";';

test("files that share a process are suites of their own: hooks stay theirs, and each has its line", () => {
  const { stdout, status } = grouped({
    "a.test.mjs": `${uses} after(() => console.log("a is over")); test("one", () => {});`,
    "b.test.mjs": `${uses} test("two", () => console.log("b begins")); test("three", () => {});`,
  });
  assert.match(stdout, /a is over\n[^]*b begins\n/);
  assert.match(stdout, /^ok {5}\S*a\.test\.mjs {2}1 tests, \d+ ms$/m);
  assert.match(stdout, /^ok {5}\S*b\.test\.mjs {2}2 tests, \d+ ms$/m);
  assert.match(stdout, /# tests 3\n# suites 2\n# pass 3\n/);
  assert.equal(status, 0);
});

test("a file that fails, or does not load, fails the run; those that share its process run all the same", () => {
  const { stdout, status } = grouped({
    "a.test.mjs": `import "./missing.mjs";`,
    "b.test.mjs": `${uses} test("two", () => { throw new Error("planted"); });`,
    "c.test.mjs": `${uses} test("three", () => {});`,
  });
  assert.match(stdout, /FAILED \S*a\.test\.mjs: [^]*missing\.mjs/);
  assert.match(stdout, /FAILED \S*b\.test\.mjs: two\nError: planted/);
  assert.match(stdout, /^ok {5}\S*c\.test\.mjs {2}1 tests/m);
  assert.equal(status, 1);
});

test("a process that ends before all its tests have run fails the run", () => {
  const { stdout, status } = grouped({
    "a.test.mjs": `${uses} test("one", () => process.exit(3));`,
    "b.test.mjs": `${uses} test("two", () => {});`,
  });
  assert.match(stdout, /Failed:\n {2}some\.group\.mjs/);
  assert.equal(status, 1);
});

test("what nobody catches fails the run of a group, and is told with where it came from; promises are not followed there", () => {
  const after = `import { setTimeout as sleep } from "node:timers/promises"; import { executionAsyncId } from "node:async_hooks";
    const late = (name, what) => test(name, async () => { await sleep(1); what(); await sleep(20); });`;
  const { stdout, status } = grouped({
    "a.test.mjs": `${uses} ${after} late("one", () => void Promise.reject(new Error("planted")));`,
    "b.test.mjs": `${uses} ${after} late("two", () => setTimeout(() => { throw new Error("thrown"); }, 1));`,
    "c.test.mjs": `${uses} ${after} late("three", () => console.log("it belongs to", executionAsyncId()));`,
  });
  assert.match(stdout, /Nobody caught: Error: planted\n +at .*a\.test\.mjs/);
  assert.match(stdout, /Nobody caught: Error: thrown\n +at .*b\.test\.mjs/);
  assert.match(stdout, /it belongs to 0\n/);
  assert.equal(status, 1);
});

test("every file is in one group, with at most five of its folder, or with others whose folders have few", () => {
  const files = [
    ...Array.from({ length: 12 }, (_, at) => `kit/sql/s${String(at)}.test.ts`),
    "kit/sql/alone.test.ts",
    "kit/access/one.test.ts",
    "kit/calls/one.test.ts",
    "systems/a/b/c.test.ts",
    "systems/a/d.test.ts",
    "systems/a/e.test.ts",
    "systems/f/g.test.ts",
  ];
  const groups = groupFiles(files, (file) => !file.includes("alone"));
  assert.deepEqual(groups.flatMap((each) => each.files).toSorted(), files.toSorted());
  assert.deepEqual(
    groups.map((each) => each.files.length),
    [4, 4, 4, 1, 2, 3, 1],
  );
  assert.equal(new Set(groups.map(({ name }) => name)).size, groups.length);
});
