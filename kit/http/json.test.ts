import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findProblem, kitProblems, maxDepth } from "../contract/index.ts";
import { parseJson } from "./json.ts";

const parse = (text: string) => parseJson(Buffer.from(text)).value;

/** The first error of a refusal: its field and its rule. */
function refusal(text: string): string {
  try {
    parse(text);
    return "accepted";
  } catch (error) {
    const { errors } = findProblem(error, kitProblems.invalidRequest.code)?.facts ?? {};
    const [first] = errors as readonly { readonly field: string; readonly rule: string }[]; // Proof: facts of that problem.
    return `${first?.field ?? ""} ${first?.rule ?? ""}`;
  }
}

test("an object with two equal names is refused, and the refusal names them, wherever the object is", () => {
  for (const [text, wanted] of [
    [`{"name":"Ada","email":"a@b.c","name":"Eve"}`, "/name repeated"],
    [`{"lines":[{"sku":"a"},{"sku":"b","quantity":1,"sku":"c"}]}`, "/lines/1/sku repeated"],
    [`[[],[{"a":{"b":1,"b":1}}]]`, "/1/0/a/b repeated"],
    [`{"a":{"x":1},"b":{"x":1},"a":2}`, "/a repeated"],
    [`{"name":1,"n\\u0061me":2}`, "/name repeated"],
    [`{"\\"":1,"\\u0022":2}`, `/" repeated`],
    [`{"":1 ,\n"" : 2}`, "/ repeated"],
    [`{"a/b~c":1,"a/b~c":2}`, "/a~1b~0c repeated"],
    [`{"__proto__":1,"__proto__":2}`, "/__proto__ repeated"],
    [`{"ü":1,"\\u00fc":1}`, "/ü repeated"],
  ] as const)
    assert.equal(refusal(text), wanted, text);
});

test("equal names of different objects, names as values, and text that looks like names are no repetition", () => {
  for (const text of [
    `{"a":{"a":{"a":"a"}},"b":["a","a"]}`,
    `[{"a":1},{"a":1}]`,
    `{"a":"\\"a\\":1,\\"a\\":2","b":"{\\"a\\":","c":"\\\\","d":":::,,{}[]"}`,
    `{"a":1,"A":1,"a ":1,"":1}`,
    `{"é":1,"e\\u0301":1}`,
    `{"a":[],"b":{},"c":[{}],"d":[1,2]}`,
    `"a"`,
    `null`,
  ])
    assert.deepEqual(parse(text), JSON.parse(text), text);
});

test("a text that JSON.stringify made is read as JSON.parse reads it; with a name repeated anywhere it is refused", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
      (value, names) => {
        const [text, inner] = [JSON.stringify(value), JSON.stringify(names)];
        assert.deepEqual(parse(text), JSON.parse(text));
        for (const [name, of] of Object.entries(names)) {
          const repeated = `${inner.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(of)}}`;
          assert.match(refusal(`{"value":${text},"names":[${repeated}]}`), / repeated$/);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a number that no double can hold is refused, also where any value may stand; text and small numbers are not", () => {
  for (const [text, wanted] of [
    [`{"any":1e400}`, "/any range"],
    [`{"any":[0,-1E+999]}`, "/any/1 range"],
    [`1${"0".repeat(400)}`, " range"],
    [`{"any":"1e400","small":1e-300,"most":1.7976931348623157e308,"id":"9e9e"}`, "accepted"],
  ] as const)
    assert.equal(refusal(text), wanted, text.slice(0, 40));
});

test("a body of many levels, names or digits is refused or read in little time", () => {
  const levels = (count: number) => `${"[".repeat(count)}${"]".repeat(count)}`;
  assert.equal(refusal(levels(maxDepth)), "accepted");
  assert.equal(refusal(levels(maxDepth + 1)), " depth");
  assert.equal(refusal(`${'{"a":'.repeat(maxDepth + 1)}1${"}".repeat(maxDepth + 1)}`), " depth");
  const begun = performance.now();
  assert.equal(refusal(levels(130_000)), " depth");
  assert.throws(() => parse("[".repeat(260_000)), { code: kitProblems.malformedJson.code });
  parse(`{${Array.from({ length: 20_000 }, (_, at) => `"n${String(at)}":1`).join(",")}}`);
  parse(`[${`${"1".repeat(299)},`.repeat(800)}1]`);
  parse(JSON.stringify(':{[\\"'.repeat(25_000)));
  assert.ok(performance.now() - begun < 2_000);
});

test("the reason why a body is no JSON says something, and quotes nothing of it", () => {
  for (const text of [
    `NaN`,
    `Infinity`,
    `{'secret':1}`,
    `{"a":secret}`,
    `// secret\n1`,
    `{"a":"secret`,
    `{"secret"}`,
    `[1,]`,
    `{"a":1}secret`,
    `01`,
    `"\n"`,
    `"`,
    `{"a":"\\x"}`,
  ]) {
    assert.throws(
      () => parse(text),
      (error) => {
        const reason = String(findProblem(error, kitProblems.malformedJson.code)?.facts["reason"]);
        assert.match(reason, /^[A-Z].{20,}\.$/, text);
        assert.doesNotMatch(reason, /secret|'[a-z0-9]/i, text);
        return true;
      },
    );
  }
});
