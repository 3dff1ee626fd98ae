import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { contracts, t } from "holdfast/contract";
import { catalogue, pages, stale } from "./reference.ts";
import { root } from "./repository.ts";

test("the reference is found stale at the line that differs, and not otherwise", () => {
  const wanted = pages();
  const files = Object.keys(wanted);
  assert.deepEqual(
    stale((file) => wanted[file], wanted),
    [],
  );
  const [first = ""] = files;
  const planted = (file: string) =>
    file === first ? wanted[file]?.replace("### POST /orders", "### POST /order") : wanted[file];
  const [found = "", ...others] = stale(planted, wanted);
  assert.deepEqual(others, []);
  assert.match(found, new RegExp(`^${first}:\\d+ is stale: it should be ### POST /orders$`));
  assert.equal(stale(() => undefined, wanted).length, files.length);
});

test("every page has what it is about", () => {
  const {
    "docs/reference/contracts.md": contracts = "",
    "docs/reference/settings.md": settings = "",
    ...rest
  } = pages();
  assert.match(
    contracts,
    /### order\.created\n\nAn order was placed\. Exchange `commerce`, version 1, key `orderId`, heard by inventory, billing/,
  );
  assert.match(settings, /`--orders\.timeout-ms` \| `HOLDFAST_ORDERS_TIMEOUT_MS` \| `900000`/);
  assert.match(
    rest["docs/reference/metrics.md"] ?? "",
    /`holdfast_outbox_messages` \| gauge \| messages \| `service` \| /,
  );
  assert.match(rest["docs/reference/problems.md"] ?? "", /`kit\/overloaded` \| 503 \| yes/);
  assert.match(rest["docs/reference/fault-points.md"] ?? "", /`unit:committed` \| /);
});

test("every system is in the reference", () => {
  const source = readFileSync(path.join(root, "systems/systems.ts"), "utf8");
  const systems = globSync("*/services.ts", { cwd: path.join(root, "systems") });
  assert.notEqual(systems.length, 0);
  for (const file of systems) assert.ok(source.includes(`"./${file.replaceAll("\\", "/")}"`), `${file} is left out`);
});

test("a code that two problems have is found", () => {
  const { problem } = contracts("shop");
  const make = () => problem("shop/gone", { status: 404, retryable: false, summary: "Gone", facts: t.Object({}) });
  const gone = make();
  assert.deepEqual(catalogue([gone, gone]), [gone]);
  assert.throws(() => catalogue([gone, make()]), /shop\/gone is used twice/);
});
