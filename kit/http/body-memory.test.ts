import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { until } from "../testing/index.ts";
import { BodyMemory } from "./body-memory.ts";
import { connect, shelf } from "./fixtures/shelf.ts";

/** Bodies that say when they have given way. */
function setUp(limitBytes: number) {
  const memory = new BodyMemory(limitBytes);
  const gone: string[] = [];
  return { gone, body: (name: string) => memory.hold(() => void gone.push(name)) };
}

test("where bodies have more bytes than the limit, the one that has been arriving for longest gives way", () => {
  const { gone, body } = setUp(100);
  const [first, second, third] = [body("first"), body("second"), body("third")];
  assert.equal(first.add(40), true);
  assert.equal(second.add(40), true);
  assert.equal(third.add(20), true);
  assert.deepEqual(gone, []);
  assert.equal(third.add(1), true);
  assert.deepEqual(gone, ["first"]);
  assert.equal(first.add(1), false, "it has given way");
  assert.equal(second.add(39), true);
  assert.deepEqual(gone, ["first"], "there is room again");
});

test("a whole body gives way to nobody, and makes room when it is freed, once", () => {
  const { gone, body } = setUp(100);
  const whole = body("whole");
  whole.add(90);
  whole.complete();
  assert.equal(body("more").add(20), false, "what comes gives way itself");
  assert.deepEqual(gone, ["more"]);
  whole.free();
  whole.free();
  const next = body("next");
  assert.equal(next.add(100), true);
  assert.equal(body("small").add(1), true);
  assert.deepEqual(gone, ["more", "next"]);
});

test("a body that is alone may have any length", () => {
  const { gone, body } = setUp(100);
  assert.equal(body("large").add(1_000), true);
  assert.deepEqual(gone, []);
});

test("slow bodies that fill the memory are refused, the oldest first, and those that come at once are taken", async (t) => {
  const { servers } = await shelf(t, { bodyBytes: 1_000, bodyMemoryBytes: 3_000 });
  const url = servers[0]?.url ?? "";
  const head = (bytes: number) =>
    `POST /books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${String(bytes)}\r\n\r\n`;
  const slow = await Promise.all(Array.from({ length: 5 }, () => connect(url)));
  for (const line of slow) {
    line.send(`${head(1_000)}${" ".repeat(900)}`);
    // Each has been read before the next one begins.
    assert.equal((await fetch(`${url}/books/x`)).status, 200);
  }
  for (const line of slow.slice(0, 2))
    assert.match(await line.closed, new RegExp(`^HTTP/1\\.1 503 [^]*${kitProblems.overloaded.code}`));
  const quick = await connect(url);
  const text = '{"name":"x"}'.padEnd(1_000);
  quick.send(`${head(1_000)}${text}`);
  await quick.until(/^HTTP\/1\.1 201 /);
  const last = slow.at(-1);
  last?.send('{"name":"x"}'.padEnd(100));
  await last?.until(/^HTTP\/1\.1 201 /);
  for (const line of [...slow, quick]) line.end();
  await until("the memory is free again", async () => {
    const reply = await fetch(`${url}/books`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: text,
    });
    return reply.status === 201;
  });
});
