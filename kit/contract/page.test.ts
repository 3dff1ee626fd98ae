import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isProblem, listOrder, pageOf, t } from "./index.ts";

const byNumber = listOrder("numbers", t.Integer({ minimum: 0 }));
const byName = listOrder("names", t.String({ minLength: 1, maxLength: 200 }));
const byPlace = listOrder("places", t.Object({ at: t.Integer(), id: t.String({ format: "uuid" }) }));
const numbers = (count: number) => {
  const all = Array.from({ length: count }, (_, at) => at);
  const read = (after: number | undefined, limit: number) =>
    Promise.resolve(all.filter((each) => each > (after ?? -1)).slice(0, limit));
  return { order: byNumber, read, position: (each: number) => each };
};
const refused = (error: unknown) => isProblem(error, "kit/invalid-request");
/** What tells the cursors of a list from others: its first part. */
const markOf = (cursor: string) => /"(.{16})"/.exec(Buffer.from(cursor, "base64url").toString())?.[1] ?? "";
const encoded = (text: string) => Buffer.from(text).toString("base64url");

test("a list is read to its end page by page, and the last page has no `next`", async () => {
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const { items, next } = await pageOf({ limit: 2, ...(cursor === undefined ? {} : { cursor }) }, numbers(5));
    seen.push(...items);
    cursor = next;
  } while (cursor !== undefined);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test("a cursor comes back as the position that it was made of, for the same list and filters alone", () => {
  const names = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 200 })
    .filter((name) => !name.includes("\0") && name.length <= 200);
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      names,
      fc.uuid(),
      fc.record({ state: fc.option(fc.string(), { nil: undefined }) }),
      (number, name, id, filters) => {
        assert.equal(byNumber.read(byNumber.write(number, filters), { ...filters }), number);
        const cursor = byName.write(name, filters);
        assert.equal(byName.read(cursor, filters), name);
        assert.ok(cursor.length <= 2_000, "the query of a list takes it");
        assert.deepEqual(byPlace.read(byPlace.write({ at: number, id }, {}), {}), { at: number, id });
        assert.throws(() => byNumber.read(byNumber.write(number, filters), { ...filters, other: 1 }), refused);
        assert.throws(() => listOrder("others", t.Integer()).read(byNumber.write(number, filters), filters), refused);
      },
    ),
  );
  assert.throws(
    () => byName.write("a\u0301".repeat(1_000), {}),
    /too long/,
    "rather than a `next` that the list refuses",
  );
  assert.equal(
    byNumber.read(byNumber.write(1, { a: 1, b: undefined }), { a: 1 }),
    1,
    "a filter that is absent is none",
  );
});

test("a text that no list made is no cursor", async () => {
  const made = byNumber.write(7, {});
  const mark = markOf(made);
  const positions = [
    "null",
    "{}",
    "[1]",
    '"7"',
    '""',
    "-1",
    "1.5",
    "1e400",
    "1e30",
    "7.0",
    "9007199254740993",
    "NaN",
    '"\\u0000"',
  ];
  const texts = [
    "zzz",
    "%%%",
    "",
    " ",
    `${made}=`,
    `${made}!`,
    ` ${made}`,
    made.slice(0, -1),
    `${made}A`,
    ...positions.flatMap((position) => [encoded(position), encoded(`["${mark}",${position}]`)]),
    ...[`["${mark}",7,8]`, `["${mark}"]`, `["${mark}", 7]`, `{"0":"${mark}","1":7}`, `["${"x".repeat(16)}",7]`].map(
      encoded,
    ),
  ];
  for (const cursor of texts) await assert.rejects(pageOf({ cursor }, numbers(9)), refused, cursor);
  for (const name of ['"a\\u0000b"', '"\\ud800"', '""', `"${"x".repeat(201)}"`, "7"]) {
    const forged = encoded(`["${markOf(byName.write("a", {}))}",${name}]`);
    assert.throws(() => byName.read(forged, {}), refused, name);
  }
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.base64String(), fc.json().map(encoded)), async (cursor) => {
      await assert.rejects(pageOf({ cursor }, numbers(9)), refused);
    }),
  );
});
