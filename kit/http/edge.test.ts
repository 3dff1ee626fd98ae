import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { allowsHost } from "./hosts.ts";
import { connect, shelf } from "./fixtures/shelf.ts";

/** What a server answers to bytes as they are: the status, the code and whether the connection ended. */
async function answer(url: string, text: string) {
  const line = await connect(url);
  line.send(text);
  const reply = await line.until(/\r\n\r\n[^]*\}$/);
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(reply) ?? [];
  const [, code] = /"code":"([^"]*)"/.exec(reply) ?? [];
  const problem = /content-type: application\/problem\+json/i.test(reply);
  const ends = /connection: close/i.test(reply);
  if (ends) await line.closed;
  line.end();
  return { status: Number(status), code, problem, ends, reply };
}

const malformed = { status: 400, code: kitProblems.malformedRequest.code, problem: true, ends: true };
const get = (...lines: readonly string[]) => `${["GET /books/x HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`;

test("a request without a Host header, with two or with one that is no host is refused as a problem, and its connection ends", async (t) => {
  const { door, servers, seen, system } = await shelf(t);
  for (const url of [door.url, servers[0]?.url ?? ""])
    for (const text of [
      get(),
      get("accept: */*"),
      get("host: x", "host: y"),
      get("Host: x", "accept: */*", "HOST: x"),
      get("host: x", ...Array.from({ length: 2_500 }, () => "a:b"), "host: y"),
      get("host: x", "host: y", "expect: foo"),
      get("host: a b"),
      get("host: x/y"),
      get("host: x, y"),
      get("host: user@x"),
    ]) {
      const { reply, ...refused } = await answer(url, text);
      assert.deepEqual(refused, malformed, `${text.slice(0, 80)} ${reply}`);
      assert.match(reply, /"detail":"[^"]*Host header/);
    }
  assert.equal(seen.length, 0);
  const counted = new RegExp(`^holdfast_http_problems_total\\{.*code="${malformed.code}".*\\} [1-9]`, "m");
  assert.match(await system.metrics.text(), counted);
  for (const url of [door.url, servers[0]?.url ?? ""])
    for (const text of [get("host: x"), get("host:"), get("HOST: [::1]:80"), "GET /books/x HTTP/1.0\r\n\r\n"])
      assert.equal((await answer(url, text)).status, 200, text);
});

test("an expectation other than 100-continue is refused with 417, as a problem", async (t) => {
  const { door, servers } = await shelf(t);
  const body = ["content-type: application/json", "content-length: 12"];
  const post = (expect: string) =>
    `${["POST /books HTTP/1.1", "host: x", `expect: ${expect}`, ...body].join("\r\n")}\r\n\r\n`;
  for (const url of [door.url, servers[0]?.url ?? ""]) {
    for (const expect of ["foo", "200-ok"]) {
      const refused = await answer(url, post(expect));
      assert.deepEqual(
        [refused.status, refused.code, refused.problem],
        [417, kitProblems.expectationFailed.code, true],
      );
    }
    const line = await connect(url);
    line.send(post("100-continue"));
    await line.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    line.send('{"name":"x"}');
    await line.until(/HTTP\/1\.1 201 /);
    line.end();
  }
});

test("a foreign Host header is refused with 421, before anything else is looked at; a page of another site cannot reach a server on this machine", async (t) => {
  const { door, servers, seen } = await shelf(t, {}, allowsHost({ host: "127.0.0.1", names: ["shop.test"] }));
  for (const url of [door.url, servers[0]?.url ?? ""]) {
    for (const path of ["/books/x", "/docs", "/metrics", "/health/live", "/nowhere"]) {
      const text = `GET ${path} HTTP/1.1\r\nhost: evil.example:8080\r\nx-request-id: mine\r\n\r\n`;
      const refused = await answer(url, text);
      assert.deepEqual(
        [refused.status, refused.code, refused.problem],
        [421, kitProblems.hostNotAllowed.code, true],
        path,
      );
      assert.match(refused.reply, /x-request-id: mine\r\n[^]*--allowed-hosts=evil\.example/i);
    }
    const inAddress = get("host: localhost").replace("/books/x", "http://evil.example/books/x");
    assert.equal((await answer(url, inAddress)).status, 421);
    assert.equal((await answer(url, inAddress.replace("evil.example", "shop.test"))).status, 200);
    assert.equal(seen.length, 1);
    for (const host of ["localhost:1", "127.0.0.1", "shop.test"])
      assert.equal((await answer(url, get(`host: ${host}`))).status, 200, host);
    seen.length = 0;
  }
});

test("a request that asks for an upgrade is answered as any other, its connection ends, and nothing that follows on it is handled", async (t) => {
  const { door, servers, seen } = await shelf(t);
  const upgrade = ["host: x", "connection: Upgrade", "upgrade: websocket"];
  const next = get("host: x").replace("/books/x", "/books/next");
  const post = (...more: readonly string[]) =>
    `${["POST /books HTTP/1.1", "host: x", "content-type: application/json", ...more].join("\r\n")}\r\n\r\n`;
  const long = post(`content-length: ${String(20 + next.length)}`) + " ".repeat(20);
  const added = post("content-length: 12", ...upgrade.slice(1));
  for (const url of [door.url, servers[0]?.url ?? ""])
    for (const [pieces, wanted] of [
      [[get(...upgrade)], /^HTTP\/1\.1 200 [^]*book x"\}$/],
      [[get(...upgrade) + next], /^HTTP\/1\.1 200 [^]*book x"\}$/],
      [[get(...upgrade).replace("/books/x", "/nowhere") + long, next], /^HTTP\/1\.1 404 /],
      [[get(...upgrade, "expect: foo") + long, next], /^HTTP\/1\.1 417 /],
      [[`${added}{"name":"x"}${long}`, next], /^HTTP\/1\.1 201 [^]*"x"\}$/],
      [[added, '{"name":"x"}', next], /^HTTP\/1\.1 201 [^]*"x"\}$/],
    ] as const) {
      seen.length = 0;
      const line = await connect(url);
      for (const piece of pieces) {
        line.send(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const text = await line.closed;
      assert.match(text, wanted);
      assert.match(text, /connection: close/i);
      assert.equal(text.split("HTTP/1.1 ").length, 2, text);
      assert.ok(seen.length <= 1, "the next one is not handled");
    }
});
