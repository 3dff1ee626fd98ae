import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { until } from "../testing/index.ts";
import { connect, shelf, type Shelf } from "./fixtures/shelf.ts";

const post =
  'POST /books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"name":"x"}';
const refused = new RegExp(
  `^HTTP/1\\.1 503 [^]*retry-after: [123]\\r\\n[^]*"code":"${kitProblems.overloaded.code}"`,
  "i",
);

/** As if as many units as two seconds can take were waiting in the store, and one left it every ten milliseconds. */
async function standing({ system }: Shelf): Promise<() => void> {
  const { writes } = system.service("books").admissions;
  for (let n = 0; n < 400; n += 1) writes.enter();
  for (let n = 0; n < 4; n += 1) {
    for (let left = 0; left < 20; left += 1) {
      writes.leave();
      writes.enter();
    }
    await system.runtime.advance(200);
    writes.admits();
  }
  return () => {
    for (let n = 0; n < 400; n += 1) writes.leave();
  };
}

test("while writes wait too long they are refused before their bodies come, reads, health, docs and operators are not", async (t) => {
  const books = await shelf(t);
  const over = await standing(books);
  const url = books.servers[0]?.url ?? "";
  const line = await connect(url);
  line.send(`${post.slice(0, -12)}`);
  await line.until(refused);
  // What is left of the body belongs to the refused request: the connection goes on.
  line.send(`{"name":"x"}GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n`);
  await line.until(/HTTP\/1\.1 200 [^]*book x/);
  assert.equal(books.seen.length, 1, "the refused one never reached the service");
  for (const path of ["/books/x", "/health/ready", "/health/live", "/docs", "/openapi.json"])
    assert.equal((await fetch(`${url}${path}`)).status, 200, path);
  const asOperator = { headers: { authorization: "Bearer ada" } };
  assert.equal((await fetch(`${url}/dead-letters/books`, asOperator)).status, 403, "not refused, but no operator");
  assert.equal((await fetch(`${books.door.url}/books/search`, { method: "POST" })).status, 400, "another service");
  over();
  line.send(post);
  await line.until(/HTTP\/1\.1 201 /);
  line.end();
});

test("a request that has the limit of requests in hand before it is refused; when one of them is answered it is let in", async (t) => {
  const books = await shelf(t, { inHand: 2 });
  const url = books.servers[0]?.url ?? "";
  const slow = [await connect(url), await connect(url)];
  for (const line of slow) line.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n");
  await books.waiting(2);
  const third = await connect(url);
  third.send(post);
  await third.until(refused);
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  books.release();
  for (const line of slow) await line.until(/book slow/);
  third.send(post);
  await third.until(/HTTP\/1\.1 201 /);
  for (const line of [...slow, third]) line.end();
});

test("requests that wait in prepare are bounded for each endpoint: one more is refused before its body is read, unless a service sends it", async (t) => {
  const books = await shelf(t, { pipelined: 512 });
  const url = books.servers[0]?.url ?? "";
  const slow = await connect(url);
  slow.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n".repeat(512));
  await books.waiting(512);
  const asked = books.seen.length;
  const line = await connect(url);
  line.send("GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
  await line.until(refused);
  assert.equal((await fetch(`${url}/books/x`, { headers: { authorization: "Bearer ada" } })).status, 503);
  assert.equal(books.seen.length, asked, "the refused ones never reached the service");
  assert.equal((await fetch(`${url}/books/x`, { headers: { authorization: "Bearer search" } })).status, 200);
  for (const path of ["/hasty/x", "/old/x", "/health/ready"])
    assert.equal((await fetch(`${url}${path}`)).status, 200, `${path} waits for nothing of that`);
  line.send(post);
  await line.until(/HTTP\/1\.1 201 /);
  books.release();
  await until("there is room again", async () => (await fetch(`${url}/books/x`)).status === 200);
  for (const each of [slow, line]) each.end();
});

test("a prepare that never ends does not close its endpoint for good", async (t) => {
  const books = await shelf(t, { pipelined: 512 });
  const url = books.servers[0]?.url ?? "";
  const slow = await connect(url);
  slow.send("GET /hasty/slow HTTP/1.1\r\nhost: x\r\n\r\n".repeat(512));
  await books.waiting(512);
  await until("their deadlines have passed", async () => (await fetch(`${url}/hasty/x`)).status === 200);
  slow.end();
});

test("requests that are sent ahead of their answers on one connection count each", async (t) => {
  const books = await shelf(t, { inHand: 2 });
  const line = await connect(books.servers[0]?.url ?? "");
  line.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5));
  await books.waiting(2);
  const counted = /^holdfast_http_problems_total\{.*code="kit\/overloaded".*\} 3$/m;
  await until("what is beyond the limit was refused", async () => counted.test(await books.system.metrics.text()));
  assert.equal(books.seen.length, 2);
  books.release();
  await line.until(/book slow[^]*book slow[^]*overloaded[^]*overloaded[^]*overloaded/);
  line.end();
});

test("one connection may have some requests in hand, and more of it are refused; it holds up nobody else", async (t) => {
  const books = await shelf(t, { pipelined: 3, inHand: 4 });
  const url = books.servers[0]?.url ?? "";
  const line = await connect(url);
  line.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000));
  await books.waiting(3);
  assert.equal((await fetch(`${url}/books/x`)).status, 200);
  books.release();
  await line.until(/(?:book slow[^]*){3}overloaded/);
  assert.equal(books.seen.length, 4);
  line.end();
});

test("a client that does not read its reply, and one that sends a byte now and then, hold up nobody else", async (t) => {
  const books = await shelf(t);
  const url = books.servers[0]?.url ?? "";
  const deaf = await connect(url);
  deaf.pause();
  for (let n = 0; n < 200; n += 1) deaf.send(`GET /books/${"x".repeat(400)} HTTP/1.1\r\nhost: x\r\n\r\n`);
  deaf.send("GET /books/last HTTP/1.1\r\nhost: x\r\n\r\n");
  const slow = await connect(url);
  slow.send(post.slice(0, -6));
  assert.equal((await fetch(`${url}/books/x`)).status, 200);
  slow.send(post.slice(-6));
  await slow.until(/HTTP\/1\.1 201 /);
  deaf.resume();
  await deaf.until(/book last/);
  for (const line of [deaf, slow]) line.end();
});

test("idle connections up to the limit hold up nobody who has one; beyond it health is answered, everything else refused, and silence ended", async (t) => {
  const books = await shelf(t, { connections: 3 });
  const url = books.servers[0]?.url ?? "";
  const idle = [await connect(url), await connect(url)];
  const asks = await connect(url);
  asks.send(post);
  await asks.until(/HTTP\/1\.1 201 /);
  const silent = await connect(url);
  for (const [text, wanted] of [
    ["GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n", /^HTTP\/1\.1 200 [^]*"live"/],
    [post, refused],
  ] as const) {
    const beyond = await connect(url);
    beyond.send(text);
    assert.match(await beyond.closed, wanted);
  }
  asks.send("GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
  await asks.until(/book x/);
  assert.equal(await silent.closed, "", "after a second");
  idle[0]?.end();
  await until("there is room again", async () => {
    const next = await connect(url);
    next.send(post);
    const answer = await next.until(/HTTP\/1\.1 201 /).catch(() => "");
    next.end();
    return answer !== "";
  });
  for (const line of [...idle, asks]) line.end();
});

test("replies that nobody reads do not count as requests in hand, at the door and at a service", async (t) => {
  const books = await shelf(t, { inHand: 20 });
  const ask = "GET /docs HTTP/1.1\r\nhost: x\r\n\r\n";
  for (const [{ url }, clients] of [
    [books.servers[0] ?? books.door, 2],
    [books.door, 9],
  ] as const) {
    const deaf = await Promise.all(Array.from({ length: clients }, () => connect(url)));
    const resumed = await connect(url);
    for (const line of [...deaf, resumed]) line.pause();
    for (const line of deaf) line.send(ask.repeat(250));
    resumed.send(`${ask.repeat(30)}GET /books/last HTTP/1.1\r\nhost: x\r\n\r\n`);
    for (let round = 0; round < 20; round += 1)
      assert.equal((await fetch(`${url}/books/x`)).status, 200, `${url}, round ${String(round)}`);
    resumed.resume();
    await resumed.until(/book last/);
    for (const line of [...deaf, resumed]) line.end();
  }
});

test("a connection whose client reads no reply is closed, one whose handler takes long is not", async (t) => {
  const books = await shelf(t, { unreadMs: 100, pipelined: 10_000 });
  const url = books.servers[0]?.url ?? "";
  const slow = await connect(url);
  slow.send(`GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n${"GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2)}`);
  await books.waiting(2);
  const deaf = await connect(url);
  deaf.pause();
  deaf.send("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(4_000));
  const open = async (count: number) =>
    new RegExp(`^holdfast_http_connections\\{.*service="books".*\\} ${String(count)}$`, "m").test(
      await books.system.metrics.text(),
    );
  await until("both are open", () => open(2));
  const before = performance.now();
  deaf.send("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(4_000));
  await until("the silent one is closed", () => open(1));
  assert.ok(performance.now() - before < 4_500, "by the server: the client would give up after 5 s");
  books.release();
  await slow.until(/book x[^]*book slow[^]*book slow/);
  for (const line of [slow, deaf]) line.end();
});

test("requests whose bodies are still arriving do not count as requests in hand, at the door and at a service", async (t) => {
  const books = await shelf(t, { inHand: 2 });
  for (const [{ url }, count] of [
    [books.servers[0] ?? books.door, 5],
    [books.door, 2_100],
  ] as const) {
    const slow = await Promise.all(Array.from({ length: count }, () => connect(url)));
    for (const line of slow) line.send(post.slice(0, -11));
    for (let round = 0; round < 5; round += 1) assert.equal((await fetch(`${url}/books/x`)).status, 200);
    slow[0]?.send(post.slice(-11));
    await slow[0]?.until(/HTTP\/1\.1 201 /);
    for (const line of slow) line.end();
  }
});
