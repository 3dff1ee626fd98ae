import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contracts, docsPage, noContent, t } from "./index.ts";

/** A page on which every text that a contract may hold is this one. */
function pageOf(text: string): string {
  const { endpoint, event, problem } = contracts("shop");
  const Gone = problem("shop/gone", {
    status: 404,
    retryable: false,
    summary: text,
    facts: t.Object({ [`id${text}`]: t.String() }),
  });
  const Thing = t.Object({
    [`name${text}`]: t.String({ description: text, default: text }),
    kind: t.Optional(t.Union([t.Literal(text), t.Literal("other")])),
    lines: t.Array(t.Object({ sku: t.String({ pattern: text }), quantity: t.Integer({ minimum: 1, maximum: 9 }) })),
  });
  return docsPage({
    title: text,
    endpoints: [
      endpoint("GET /things/{id}", { summary: text, access: "user", replies: { 200: Thing }, problems: [Gone] }),
      endpoint("POST /things", {
        summary: text,
        description: text,
        access: "anyone",
        idempotent: true,
        query: t.Object({ dry: t.Optional(t.Boolean()) }),
        body: Thing,
        replies: { 201: { body: Thing, headers: t.Object({ location: t.String({ description: text }) }) } },
        deprecated: { sunset: text, instead: text },
      }),
      endpoint("DELETE /things/{id}", { summary: text, access: "operator", replies: { 204: noContent } }),
    ],
    events: [event(`thing.made${text}`, { version: 1, key: "id", summary: text, data: t.Object({ id: t.String() }) })],
    problems: [Gone, Gone],
  });
}

/** Elements and attributes, without what stands in them. */
const skeleton = (page: string) =>
  [...page.matchAll(/<\/?[a-z][^>]*>/g)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""').replaceAll(/\s+/g, " "));
const all = (page: string, pattern: RegExp) => [...page.matchAll(pattern)].map(([, found = ""]) => found);

test("whatever contracts say, the page has the same elements and attributes", () => {
  const plain = skeleton(pageOf("x"));
  const hostile = [
    `"><script>alert(1)</script>`,
    `' onfocus='x`,
    "</style><!--",
    "&lt;",
    "</main>",
    "`${1}`",
    "javascript:x",
  ];
  for (const text of hostile) assert.deepEqual(skeleton(pageOf(text)), plain, text);
  const texts = fc.array(fc.constantFrom("<", ">", '"', "'", "&", "/", "-", "!", "a", " ", "=", "\n", "\u2028"));
  fc.assert(
    fc.property(texts, (parts) => assert.deepEqual(skeleton(pageOf(parts.join(""))), plain)),
    { numRuns: 50 },
  );
});

test("every link within the page has its anchor, and no anchor stands twice or has a space", () => {
  const page = pageOf("x");
  const ids = all(page, /\sid="([^"]*)"/g);
  assert.deepEqual(ids.toSorted(), [...new Set(ids)].toSorted());
  assert.deepEqual(
    ids.filter((id) => /\s/.test(id)),
    [],
  );
  const targets = all(page, /href="#([^"]*)"/g).map(decodeURI);
  assert.deepEqual(
    targets.filter((target) => !ids.includes(target)),
    [],
  );
  for (const anchor of ["endpoint:GET/things/{id}", "event:thing.madex", "problem:shop/gone", "problem:kit/overloaded"])
    assert.ok(ids.includes(anchor), anchor);
});

test("headings go down one level at a time, from one title", () => {
  const levels = all(pageOf("x"), /<h([1-6])/g).map(Number);
  assert.deepEqual(
    levels.filter((level) => level === 1),
    [1],
  );
  for (const [at, level] of levels.entries()) assert.ok(at === 0 || level <= (levels[at - 1] ?? 0) + 1, String(at));
});

test("nothing is loaded and no script runs", () => {
  assert.doesNotMatch(pageOf("x"), /<(script|link|img|iframe)|\s(src|on[a-z]+)=|url\(|@import/);
});

test("fields are named by their way in, with their bounds", () => {
  const page = pageOf("x")
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll(/\s+/g, " ");
  assert.match(page, /lines\[\]\.quantity integer, 1 to 9/);
  assert.match(page, /kind optional &#34;x&#34; or &#34;other&#34;/);
  assert.match(page, /namex string, by default &#34;x&#34; ?x/);
  assert.match(page, /Reply 204, without a body/);
});
