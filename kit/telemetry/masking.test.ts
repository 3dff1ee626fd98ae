import assert from "node:assert/strict";
import { test } from "node:test";
import { logger, Withholding } from "./index.ts";

const written = (event: string, fields: Readonly<Record<string, unknown>> = {}): string => {
  let line = "";
  logger({ level: "debug", format: "json", write: (text) => (line = text) }).info(event, fields);
  return line;
};

test("addresses of mail, tokens and passwords are left out, wherever in an entry they stand", () => {
  const token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
  const texts = ["ada.lovelace+shop@mail.example.com", "jürgen@müller.example", token, "hunter2"];
  const said = `to <${texts[0] ?? ""}>, "${texts[1] ?? ""}": ${token}; Bearer abc.def; postgres://ada:hunter2@db:5432/x`;
  const line = written(said, {
    deep: { list: [said] },
    error: new Error(said, { cause: said }),
    [said.slice(0, 2)]: said,
  });
  for (const text of [...texts, "abc.def"]) assert.ok(!line.includes(text), text);
  assert.match(line, /to <\(e-mail\)>, .*\(token\); Bearer \(token\); postgres:\/\/\(withheld\)@db:5432\/x/);
});

test("what only looks like an address of mail stays: packages, scopes, handles", () => {
  const said = "at file:///app/node_modules/.pnpm/fastify@5.12.8/x.js, @types/node, ask @ada at 10 @ noon";
  assert.ok(written(said).includes(said));
});

test("an error is written without what it may not quote: its message, its stack and its causes, however it quotes it", () => {
  const cause = new Error('there is "a\\"b" already');
  const error = new Error("cannot greet Ada of ada@example.com, born 1815", { cause });
  const texts = new Set(["Ada of ada@example.com", "1815", 'a"b']);
  const line = written("failed", { error: new Withholding(error, () => texts), id: 7 });
  assert.ok(!/Ada|1815|a\\*"b/.test(line), line);
  assert.match(line, /"message":"cannot greet \(withheld\), born \(withheld\)"/);
  assert.match(line, /masking\.test\.ts/, "where it was thrown is still told");
});

test("where too much would have to be searched for, nothing is told; what is not written is not searched for", () => {
  const texts = new Set(Array.from({ length: 2_000 }, (_, at) => `text-${String(at)}`));
  assert.match(
    written("failed", { error: new Withholding(new Error("short"), () => texts) }),
    /"message":"\(withheld\)"/,
  );
  const never = new Withholding(new Error("x"), () => assert.fail("it was asked for"));
  logger({ level: "error", format: "json", write: () => {} }).warn("below the level", { error: never });
});
