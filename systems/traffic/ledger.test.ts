import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { seededRandom } from "holdfast/runtime";
import { Client } from "./client.ts";
import { abandon, read, write } from "./ledger.ts";

function folder(t: TestContext): string {
  const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-ledger-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  return data;
}
const made = { status: 201, id: "1", code: "" };

test("who was broken off before the answer came is waited for no more, and an answer that comes after all counts", (t) => {
  const data = folder(t);
  write(data, { kind: "sent", key: "answered", what: "order" });
  write(data, { kind: "answered", key: "answered", ...made });
  for (const key of ["gone", "late"]) write(data, { kind: "sent", key, what: "order" });
  abandon(data);
  write(data, { kind: "answered", key: "late", ...made });
  write(data, { kind: "sent", key: "waiting", what: "order" });
  const { requests, contradictions } = read(data);
  assert.deepEqual(contradictions, []);
  const waited = [...requests].flatMap(([key, { answer, abandoned }]) =>
    answer === undefined && !abandoned ? [key] : [],
  );
  assert.deepEqual(waited, ["waiting"]);
  assert.equal(requests.get("late")?.answer?.status, 201);
  assert.equal(requests.get("gone")?.abandoned, true);
});

test("clients of one seed on the same data ask under keys of their own", (t) => {
  const data = folder(t);
  const keys = [1, 2].map(() => new Client({ random: seededRandom(5), data, url: () => "" }).key());
  assert.notEqual(keys[0], keys[1]);
});
