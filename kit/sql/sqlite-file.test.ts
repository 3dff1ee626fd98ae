import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { isUnwritable, sqliteFile } from "./sqlite-file.ts";

function begin(t: TestContext) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-file-"));
  const file = path.join(folder, "book.db");
  const tables = "CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)";
  const book = sqliteFile({ file, tables, runtime: controlledRuntime() });
  t.after(() => {
    book.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (text: string) => book.write(() => book.db.prepare("INSERT INTO lines VALUES (?)").run(text));
  return { file, book, write, lines: () => book.db.prepare("SELECT text FROM lines ORDER BY rowid").all().length };
}

test("without room a write is refused as such and leaves nothing; with room it goes on", async (t) => {
  const { file, book, write, lines } = begin(t);
  await write("one");
  book.db.exec("PRAGMA max_page_count = 3");
  await assert.rejects(write("x".repeat(100_000)), (error: Error) => {
    assert.ok(isUnwritable(error));
    assert.equal(error.message, `${file} cannot be written: the disk is full. Make room.`);
    return true;
  });
  assert.equal(lines(), 1);
  book.db.exec("PRAGMA max_page_count = 1000");
  await Promise.all([write("x".repeat(100_000)), write("three")]);
  assert.equal(lines(), 3);
});

test("a file that another process writes to is waited for", async (t) => {
  const { file, write, lines } = begin(t);
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  const waiting = write("one");
  setTimeout(() => other.exec("COMMIT"), 20);
  await waiting;
  other.close();
  assert.equal(lines(), 1);
});

test("a file that was moved away is not written to, and is again when it is back", async (t) => {
  const { file, write, lines } = begin(t);
  await write("one");
  renameSync(file, `${file}.away`);
  await assert.rejects(write("two"), (error: Error) => isUnwritable(error) && error.message.includes("was removed"));
  renameSync(`${file}.away`, file);
  await write("two");
  assert.equal(lines(), 2);
});
