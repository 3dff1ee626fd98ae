import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

test("suites run on another's engine, and what it does not promise is skipped with its reason", async () => {
  // Without the mark of this run, or the child would report to it in a form of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    ["--test", "--test-reporter=tap", path.join(import.meta.dirname, "fixtures/theirs.ts")],
    { env, stdio: ["ignore", "pipe", "inherit"] },
  );
  const [tap] = await Promise.all([text(child.stdout), once(child, "exit")]);
  assert.equal(child.exitCode, 0, tap);
  const skipped = Map.groupBy([...tap.matchAll(/ok \d+ - (.*) # SKIP (.*)$/gm)], ([, , reason]) => reason);
  assert.deepEqual(
    new Set(skipped.keys()),
    new Set(["it lives in one process", "it takes what it is given", "needs their server"]),
  );
  assert.deepEqual(
    skipped.get("it takes what it is given")?.map(([, name]) => name),
    ["theirs: a column refuses what is not of its type"],
  );
  assert.match(tap, /ok \d+ - theirs: a reader cannot write$/m);
  assert.match(tap, /ok \d+ - theirs, alone: a forgotten await fails the unit$/m);
});
