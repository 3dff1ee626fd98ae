import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shortened } from "./index.ts";

test("a text is cut between characters as a reader sees them", () => {
  assert.equal(shortened("😀".repeat(200), 201), "😀".repeat(100));
  assert.equal(shortened("Cafe\u0301s", 4), "Caf");
  assert.equal(shortened("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 12), "👩‍👩‍👧‍👦");
  assert.equal(shortened("abc", 3), "abc");
  assert.equal(shortened("abc", 2), "ab");
  assert.equal(shortened(`a${"\u0301".repeat(500)}`, 200).length, 200);
  const texts = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(texts, fc.nat({ max: 80 }), (text, most) => {
      const cut = shortened(text, most);
      assert.ok(cut.length <= most && text.startsWith(cut) && cut.isWellFormed());
      if (text.length <= most) assert.equal(cut, text);
    }),
  );
});
