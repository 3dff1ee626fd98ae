import assert from "node:assert/strict";
import { test } from "node:test";
import { mutated, mutationsOf } from "./mutations.ts";

const all = (text: string) => mutationsOf(text).map((mutation) => mutated(text, mutation));

test("comparisons, conditions, awaits, calls, assignments and constants are changed one at a time", () => {
  assert.deepEqual(all("if (a && b(c) < 2) return;\n"), [
    "if (!(a && b(c) < 2)) return;\n",
    "if (a || b(c) < 2) return;\n",
    "if (a && b(c) <= 2) return;\n",
    "if (a && b(c) < (2 + 1)) return;\n",
  ]);
  assert.deepEqual(all("{\n  await this.#pause();\n}"), ["{\n  this.#pause();\n}", "{\n  void 0;\n}"]);
  assert.deepEqual(all("{\n  this.#until = now;\n}"), ["{\n  void 0;\n}"]);
  assert.deepEqual(all("f(true);"), ["f(false);"]);
});

test("sizes, times and what is logged stay as they are", () => {
  for (const text of ["const limitMs = 30_000;", "const size = 12;", '{\n  log.warn("failed", { error });\n}'])
    assert.deepEqual(all(text), [], text);
});

test("comments, strings, templates, arrows and types stay as they are", () => {
  for (const text of ["// a < b", "/* if (x) */", 'f("a && b");', "f(`a - b`);", "(a) => a;", "let a: Map<string, b>;"])
    assert.deepEqual(all(text), [], text);
});
