import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { kitProblems } from "../contract/index.ts";
import { connect, shelf } from "./fixtures/shelf.ts";

const post = (headers: readonly string[]) =>
  `${["POST /books HTTP/1.1", "host: x", "content-type: application/json", ...headers].join("\r\n")}\r\n\r\n`;
const wanted = (status: number, code: string) => new RegExp(`^HTTP/1\\.1 ${String(status)} [^]*"code":"${code}"`);

test("headers above the limit are refused with 431, and the connection ends", async (t) => {
  const { door, servers } = await shelf(t, { headerBytes: 1_000 });
  for (const [url, size] of [
    [servers[0]?.url ?? "", 1_100],
    [door.url, 20_000],
  ] as const) {
    const line = await connect(url);
    line.send(`GET /books/x HTTP/1.1\r\nhost: x\r\nx-long: ${"y".repeat(size)}\r\n\r\n`);
    assert.match(await line.closed, wanted(431, kitProblems.headersTooLarge.code));
  }
});

test("a body above the limit is refused by its announcement, and by its length where it has none", async (t) => {
  const { servers } = await shelf(t, { bodyBytes: 64 });
  const announced = await connect(servers[0]?.url ?? "");
  announced.send(post(["content-length: 65"]));
  await announced.until(wanted(413, kitProblems.bodyTooLarge.code));
  announced.end();
  const streamed = await connect(servers[0]?.url ?? "");
  const chunk = `20\r\n${" ".repeat(32)}\r\n`;
  streamed.send(`${post(["transfer-encoding: chunked"])}${chunk.repeat(3)}`);
  await streamed.until(wanted(413, kitProblems.bodyTooLarge.code));
  streamed.end();
  const right = await connect(servers[0]?.url ?? "");
  right.send(`${post(["content-length: 64"])}${'{"name":"x"}'.padEnd(64)}`);
  await right.until(/^HTTP\/1\.1 201 /);
  right.end();
});

test("a length of nothing, however it is written, is no body", async (t) => {
  const { servers } = await shelf(t);
  for (const zero of ["0", "00", "000"]) {
    const line = await connect(servers[0]?.url ?? "");
    line.send(post([`content-length: ${zero}`]));
    await line.until(wanted(400, kitProblems.invalidRequest.code));
    line.end();
  }
});

test("a body is the same whether it comes with its head, after it, byte by byte or in chunks, and others behind it", async (t) => {
  const { servers } = await shelf(t);
  const [text, url] = ['{"name":"ö"}', servers[0]?.url ?? ""];
  const head = post([`content-length: ${String(Buffer.byteLength(text))}`]);
  const chunked = `${post(["transfer-encoding: chunked"])}5\r\n{"nam\r\n8\r\ne":"ö"}\r\n0\r\n\r\n`;
  for (const pieces of [
    [head + text],
    [head, text],
    [head, ...text.split("")],
    [chunked],
    [head + text + chunked + head, text],
  ]) {
    const line = await connect(url);
    const answers = pieces.join("").split("POST").length - 1;
    for (const piece of pieces) {
      line.send(piece);
      await turn();
    }
    await line.until(new RegExp(`^(HTTP/1\\.1 201 [^]*?\r\n\r\n${text}){${String(answers)}}$`));
    line.end();
  }
});

test("a request that does not arrive in its time is refused with 408, whether its headers or its body lag", async (t) => {
  const { servers } = await shelf(t, { requestMs: 50 });
  const url = servers[0]?.url ?? "";
  const [body, head] = [await connect(url), await connect(url)];
  body.send(`${post(["content-length: 64"])}{"name":`);
  head.send("POST /books HTTP/1.1\r\nhost: x\r\nx-slow:");
  for (const line of [body, head]) assert.match(await line.closed, wanted(408, kitProblems.requestTimeout.code));
});

test("what is not HTTP is refused with 400, and the server goes on", async (t) => {
  const { door, servers } = await shelf(t);
  for (const url of [door.url, servers[0]?.url ?? ""]) {
    for (const text of [
      "hello\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "POST /books HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ]) {
      const line = await connect(url);
      line.send(text);
      assert.match(await line.closed, wanted(400, kitProblems.malformedRequest.code), text);
    }
    // Gone before its answer.
    const rude = await connect(url);
    rude.send("GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
    rude.end();
    assert.equal((await fetch(`${url}/books/x`)).status, 200);
  }
});

test("one connection that sends nothing, or its request byte by byte, holds up nobody else", async (t) => {
  const { door } = await shelf(t);
  const [silent, slow] = [await connect(door.url), await connect(door.url)];
  for (const each of "GET /books/slowly HTTP/1.1\r\nhost: x\r\n\r") {
    slow.send(each);
  }
  assert.equal((await fetch(`${door.url}/books/x`)).status, 200);
  slow.send("\n");
  await slow.until(/book slowly/);
  for (const line of [silent, slow]) line.end();
});
