import assert from "node:assert/strict";
import { test } from "node:test";
import { pages, stale } from "./reference.ts";

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
    /### order\.created\n\nAn order was placed\. Version 1, key `orderId`, heard by inventory, billing/,
  );
  assert.match(settings, /`--orders\.timeout-ms` \| `HOLDFAST_ORDERS_TIMEOUT_MS` \| `900000`/);
  assert.match(rest["docs/reference/problems.md"] ?? "", /`kit\/overloaded` \| 503 \| yes/);
  assert.match(rest["docs/reference/fault-points.md"] ?? "", /`unit:committed` \| /);
});
