import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile, convert, openapi, contracts, parseExactJson, parseKeepingDigits, t } from "./index.ts";

const most = Number.MAX_SAFE_INTEGER;
const Everything = t.Object({
  count: t.Optional(t.Integer()),
  bounded: t.Optional(t.Integer({ minimum: 0, maximum: 1e300 })),
  size: t.Optional(t.Number()),
  any: t.Optional(t.Unknown()),
  free: t.Optional(t.Object({}, { additionalProperties: true })),
  list: t.Optional(t.Array(t.Object({ n: t.Union([t.Integer(), t.Null()]) }))),
  map: t.Optional(t.Record(t.String(), t.Union([t.String(), t.Integer()]))),
});

test("a whole number that cannot be kept exactly is refused wherever a contract takes one, and its field is named", () => {
  const { check, errors } = compile(Everything, { open: false });
  const cases: readonly (readonly [field: string, text: string])[] = [
    ["/count", "9007199254740992"],
    ["/count", "-9007199254740992"],
    ["/count", "1e308"],
    ["/count", "1e400"],
    ["/bounded", "9223372036854775807"],
    ["/size", "9007199254740993"],
    ["/size", "12345678901234567890123"],
    ["/size", "9007199254740993.00"],
    ["/size", "1e400"],
    ["/any", "9007199254740993e0"],
    ["/any", "9007199254740993.00E+0"],
    ["/any", "90071992547409930e-1"],
    ["/any", "900719925474099.3e1"],
    ["/any", "12345678901234567891e0"],
    ["/any", "9007199254740993.5"],
    ["/size", "-4503599627370497.5"],
    ["/size", "0.99999999999999999999"],
    ["/any", "1e-400"],
    ["/count", "1E-400"],
    ["/count", "-1e-999999999999999999999"],
    ["/count", "4503599627370497.5"],
    ["/count", "5.0000000000000000001"],
    ["/count", "50000000000000000001e-19"],
    ["/count", `1.${"0".repeat(200_000)}1`],
    ["/any", "9007199254740993"],
    ["/any", "9223372036854775807"],
    ["/any", '{"deep":[1,{"er":-9007199254740993}]}'],
    ["/any", "[1e400]"],
    ["/any", `1${"0".repeat(400)}`],
    ["/free", '{"id":9007199254740993}'],
    ["/list/0/n", "9007199254740993"],
    ["/map/a", "9007199254740993"],
  ];
  for (const [field, text] of cases) {
    const [, top = "", ...rest] = field.split("/");
    let body = text;
    for (const name of rest.toReversed()) body = name === "0" ? `[${body}]` : `{"${name}":${body}}`;
    const value = parseExactJson(`{"${top}":${body}}`);
    assert.equal(check(value), false, `${field} ${text.slice(0, 40)}`);
    const fields = errors(value).map((error) => error.field);
    assert.ok(
      fields.some((each) => each.startsWith(field)),
      `${field} ${text.slice(0, 40)}: ${fields.join(", ")}`,
    );
  }
});

test("whole numbers up to 2^53 - 1, fractions, zeros and large measurements are taken as they are", () => {
  const { check, errors } = compile(Everything, { open: false });
  for (const text of [
    `{"count":${String(most)},"size":${String(most)},"any":${String(most)}}`,
    `{"count":-${String(most)}}`,
    '{"count":-0,"size":-0,"any":-0}',
    '{"count":1.0,"size":1e2}',
    '{"size":1e308,"any":6.02214076e23}',
    '{"size":9007199254740992,"any":9007199254740992}',
    '{"size":1e19,"any":[1e19]}',
    '{"size":9007199254740992.0,"any":1.2345678901234568e+25}',
    '{"size":0.1234567890123456789,"any":5e-324}',
    '{"size":1e22,"any":10000000000000000000000}',
    '{"count":9007199254740991e0,"size":90071992547409910e-1,"any":900719925474099.2e1}',
    '{"count":0e-400,"size":-0.0e999,"any":0.0000000000000000000}',
    '{"size":9007199254740.9935,"any":0.30000000000000000000001}',
    '{"any":"9007199254740993"}',
    '{"any":{"9007199254740993":[null,true]}}',
  ]) {
    const value = parseExactJson(text);
    assert.deepEqual(check(value) ? [] : errors(value), [], text);
    assert.deepEqual(value, JSON.parse(text));
  }
});

test("what a program hands over without text is held to the same rule: NaN, Infinity and bigints are no values", () => {
  const { check } = compile(Everything, { open: false });
  for (const n of [Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e19, 10n])
    for (const value of [{ count: n }, { list: [{ n }] }, { map: { n } }])
      assert.equal(check(value), false, `${String(n)} in ${Object.keys(value).join()}`);
  for (const n of [Number.NaN, Infinity, -Infinity, 10n])
    for (const value of [{ any: n }, { any: [{ n }] }, { free: { n } }])
      assert.equal(check(value), false, `${String(n)} in ${Object.keys(value).join()}`);
  assert.equal(check({ size: Number.NaN }), false);
});

test("a JSON text is read as it is, or its unsafe number is found: nothing is rounded in silence", () => {
  const { check } = compile(t.Object({ n: t.Integer() }), { open: false });
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (n) => {
      const value = parseExactJson(`{"n":${String(n)}}`);
      const safe = n >= -BigInt(most) && n <= BigInt(most);
      assert.equal(check(value), safe);
      if (safe) assert.deepEqual(value, { n: Number(n) });
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) =>
      assert.deepEqual(parseExactJson(JSON.stringify(value)), JSON.parse(JSON.stringify(value))),
    ),
  );
});

test("a literal is taken where the number, written again, has its value, or where both are fractions", () => {
  const literal = fc.tuple(
    fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }),
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: -30, max: 30 }),
  );
  const scale = 10n ** 80n;
  /** The value times 10^80: whole for all that is made here. */
  const scaled = (text: string): bigint => {
    const [, whole = "", fraction = "", exponent = "0"] = /^(-?\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(text) ?? [];
    return BigInt(whole + fraction) * 10n ** BigInt(80 + Number(exponent) - fraction.length);
  };
  fc.assert(
    fc.property(literal, ([digits, zeros, exponent]) => {
      const [sign, plain] = digits < 0n ? ["-", String(-digits)] : ["", String(digits)];
      const at = Math.max(1, plain.length - zeros);
      const fraction = plain.slice(at);
      const mantissa = `${sign}${plain.slice(0, at)}${fraction === "" ? "" : `.${fraction}`}`;
      for (const text of [mantissa, `${mantissa}e${String(exponent)}`]) {
        const exact = scaled(text);
        const value = Number(text);
        const kept = exact % scale === 0n ? scaled(String(value)) === exact : !Number.isInteger(value);
        const read = parseExactJson(`[${text}]`);
        assert.deepEqual(read, [kept ? value : Number.NaN], text);
        assert.deepEqual([convert(t.Object({ n: t.Number() }), { n: text })["n"]], read, text);
        if (kept && Number.isInteger(value)) assert.equal(exact % scale, 0n, `${text} is no whole number`);
      }
    }),
    { numRuns: 1_000 },
  );
  const everyDouble = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
  fc.assert(fc.property(everyDouble, (value) => assert.deepEqual(parseExactJson(JSON.stringify(value)), value)));
});

test("digits that no number holds are kept as they were written", () => {
  for (const text of ["[9007199254740993e0]", "[1e-400]", "[1e400]", "[5.0000000000000000001]"])
    assert.equal(JSON.stringify(parseKeepingDigits(text)), text);
});

test("a number of the query is read exactly or refused", () => {
  const Query = t.Object({
    size: t.Optional(t.Number()),
    count: t.Optional(t.Integer()),
    any: t.Optional(t.Unknown()),
  });
  const { check } = compile(Query, { open: false });
  assert.equal(check(convert(Query, { size: "9007199254740993" })), false);
  assert.equal(check(convert(Query, { count: "9007199254740992" })), false);
  assert.equal(check(convert(Query, { size: "1e400" })), false);
  for (const text of ["5.0000000000000000001", "4503599627370497.5", "1e-400", "9007199254740993e0"]) {
    assert.equal(check(convert(Query, { count: text })), false, text);
    assert.equal(check(convert(Query, { size: text })), false, text);
  }
  assert.deepEqual(convert(Query, { size: "1e300", count: String(most) }), { size: 1e300, count: most });
});

test("OpenAPI shows the limits of a whole number that names none", () => {
  const { endpoint } = contracts("shop");
  const Count = endpoint("POST /counts", {
    summary: "",
    access: "anyone",
    body: t.Object({ n: t.Integer({ minimum: 1 }) }),
    replies: { 200: t.Object({ n: t.Integer() }) },
  });
  const text = JSON.stringify(openapi([Count], { title: "", version: "" }).paths);
  assert.match(text, /"n":\{"type":"integer","minimum":1,"maximum":9007199254740991\}/);
  assert.match(text, /"n":\{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991\}/);
});

const upper = "0190A5B4-0000-7000-8000-00000000ABCD";
const lower = upper.toLowerCase();
const id = t.String({ format: "uuid" });

test("UUIDs become lower case wherever a schema names them, and nothing else changes", () => {
  const Form = t.Object({
    id,
    note: t.String(),
    list: t.Array(t.Object({ id: t.Optional(id) })),
    map: t.Record(t.String(), id),
    either: t.Union([
      t.Null(),
      t.Object({ kind: t.Literal("a"), id }),
      t.Object({ kind: t.Literal("b"), id: t.String() }),
    ]),
  });
  const { normalise } = compile(Form, { open: false });
  const given = {
    id: upper,
    note: upper,
    list: [{ id: upper }, {}],
    map: { A: upper },
    either: { kind: "a", id: upper },
  };
  const before = structuredClone(given);
  assert.deepEqual(normalise(given), {
    id: lower,
    note: upper,
    list: [{ id: lower }, {}],
    map: { A: lower },
    either: { kind: "a", id: lower },
  });
  assert.deepEqual(given, before, "what was given stays as it was");
  const other = { ...given, either: { kind: "b", id: upper } };
  assert.deepEqual(Reflect.get(normalise(other) as object, "either"), { kind: "b", id: upper });
  const fine = { id: lower, note: "", list: [], map: {}, either: null };
  assert.equal(normalise(fine), fine, "without a copy where nothing changes");
  const odd = JSON.parse(`{"__proto__":"${upper}"}`) as unknown;
  const map = compile(t.Record(t.String(), id), { open: false }).normalise(odd);
  assert.deepEqual(Object.entries(map as object), [["__proto__", lower]]);
});
