import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  compile,
  contractFaults,
  contracts,
  convert,
  cutter,
  docsPage,
  findBadText,
  findProblem,
  isProblem,
  openapi,
  problemBody,
  schemaFaults,
  t,
} from "./index.ts";

const { endpoint, event, problem } = contracts("shop");
const Order = t.Object({
  id: t.String({ minLength: 1 }),
  lines: t.Array(t.Object({ sku: t.String(), quantity: t.Integer({ minimum: 1 }) })),
  note: t.Optional(t.Union([t.String(), t.Null()])),
});
const orders = fc.record(
  {
    id: fc.string({ minLength: 1 }),
    lines: fc.array(fc.record({ sku: fc.string(), quantity: fc.integer({ min: 1 }) })),
    note: fc.option(fc.string()),
  },
  { requiredKeys: ["id", "lines"] },
);

test("closed schemas refuse unknown fields at every level and name them, open ones take them", () => {
  const value = { id: "1", lines: [{ sku: "a", quantity: 1, odd: 1 }], more: true };
  assert.equal(compile(Order, { open: true }).check(value), true);
  const closed = compile(Order, { open: false });
  assert.equal(closed.check(value), false);
  assert.deepEqual(new Set(closed.errors(value).map(({ field }) => field)), new Set(["/more", "/lines/0/odd"]));
});

test("what is missing is named by its own pointer", () => {
  assert.deepEqual(
    compile(Order, { open: false })
      .errors({ lines: [{ sku: "a" }] })
      .map(({ field, rule }) => `${field} ${rule}`),
    ["/id required", "/lines/0/quantity required"],
  );
});

test("a value cut to its schema is the value, whatever else it carried", () => {
  const cut = cutter(Order);
  fc.assert(
    fc.property(
      orders,
      fc.dictionary(
        fc.string().map((name) => `extra-${name}`),
        fc.jsonValue(),
      ),
      (order, extra) => {
        const carried = { ...extra, ...order, lines: order.lines.map((line) => ({ ...extra, ...line })) };
        assert.deepEqual(JSON.parse(cut(carried)), JSON.parse(JSON.stringify(order)));
      },
    ),
  );
});

test("the text of a value is the same however it was made: in another order, with more, by a class of its own", () => {
  const cut = cutter(t.Object({ a: t.Integer(), b: t.Optional(t.Array(t.Object({ c: t.Integer() }))) }));
  const own = { toJSON: () => "its own" };
  const made = [
    { a: 1, b: [{ c: 2 }] },
    { b: [{ c: 2 }], a: 1 },
    { a: 1, b: [{ c: 2, d: 3 }] },
    Object.assign(Object.create(own), { a: 1, b: [{ c: 2 }] }),
    { a: 1, b: [Object.assign(Object.create(own), { c: 2 })] },
    Object.create({ a: 1, b: [{ c: 2 }] }),
    Object.defineProperty({ a: 1, b: [{ c: 2 }] }, "toJSON", { value: own.toJSON }),
    { a: 1, b: Object.assign([{ c: 2 }], own) },
  ];
  assert.deepEqual(new Set(made.map((value: unknown) => cut(value))), new Set(['{"a":1,"b":[{"c":2}]}']));
  assert.equal(cut({ a: 1, b: undefined }), '{"a":1}');
  assert.equal(cut({ a: 1 }), '{"a":1}');
});

test("what does not fit its contract is not sent", () => {
  assert.throws(() => cutter(Order)({ id: "1", lines: [{ sku: "a", quantity: 0 }] }), /\/lines\/0\/quantity/);
});

test("text is converted where the schema says so, and stays as it is where it cannot be", () => {
  const query = t.Object({ limit: t.Integer(), all: t.Boolean(), tags: t.Array(t.String()), name: t.String() });
  assert.deepEqual(convert(query, { limit: "12", all: "true", tags: "a", name: "7" }), {
    limit: 12,
    all: true,
    tags: ["a"],
    name: "7",
  });
  assert.deepEqual(convert(query, { limit: "1x", all: "yes" }), { limit: "1x", all: "yes" });
});

test("NUL and half a surrogate pair are found, in names too", () => {
  assert.equal(findBadText({ a: ["fine", "bad\u0000"] })?.field, "/a/1");
  assert.equal(findBadText({ "b\ud800": 1 })?.field, "/b\ud800");
  assert.equal(findBadText({ a: "😀" }), undefined);
});

test("a problem is found by its code through its causes, with its facts in the body", () => {
  const Gone = problem("shop/gone", {
    status: 404,
    retryable: false,
    summary: "Gone",
    detail: "{id} is gone.",
    facts: t.Object({ id: t.String() }),
  });
  const wrapped = new Error("outer", { cause: new Error("middle", { cause: Gone({ id: "7" }) }) });
  assert.equal(isProblem(wrapped, "shop/gone"), true);
  assert.equal(isProblem(wrapped, "shop/other"), false);
  const found = findProblem(wrapped);
  assert.ok(found !== undefined);
  assert.deepEqual(problemBody(found, "r1"), {
    type: "/docs#problem:shop/gone",
    title: "Gone",
    status: 404,
    detail: "7 is gone.",
    instance: "r1",
    code: "shop/gone",
    retryable: false,
    id: "7",
  });
  assert.throws(() => problem("other/gone", { status: 404, retryable: false, summary: "", facts: t.Object({}) }));
});

test("contracts that cannot work are faults, each in a sentence", () => {
  assert.deepEqual(
    contractFaults(endpoint("GET /orders/{id}", { summary: "", access: "anyone", idempotent: true, replies: {} }))
      .length,
    2,
  );
  assert.match(contractFaults(event("made", { version: 0, key: "id", summary: "", data: Order })).join(), /version/);
  assert.match(schemaFaults(t.Object({ at: t.String({ format: "no-such-format" }) })).join(), /no-such-format/);
  assert.match(schemaFaults(t.Intersect([Order, Order])).join(), /Intersect/);
});

test("the docs page escapes what contracts say, and OpenAPI names every operation once", () => {
  const odd = endpoint("POST /orders", {
    summary: "<script>",
    access: "user",
    idempotent: true,
    body: Order,
    replies: { 201: Order },
  });
  assert.ok(!docsPage({ title: "Shop", endpoints: [odd], events: [], problems: [] }).includes("<script>"));
  const { paths } = openapi(
    [odd, endpoint("GET /orders/{id}", { summary: "", access: "anyone", replies: { 200: Order } })],
    { title: "Shop", version: "1" },
  );
  assert.deepEqual(Object.keys(paths ?? {}), ["/orders", "/orders/{id}"]);
});
