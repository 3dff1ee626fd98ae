import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { token } from "./token.ts";

test("a token takes an option for no role: it is refused, and no key is made", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-token-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const env = { HOLDFAST_DATA: data };
  await assert.rejects(token(["ops", "operator", "--data=elsewhere"], env), /no option.*HOLDFAST_DATA/);
  await assert.rejects(token(["--help"], env), /no option/);
  assert.ok(!existsSync(path.join(data, "keys")));
});
