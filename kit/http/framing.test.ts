import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { doorTo } from "./fixtures/door-to.ts";
import { rawUpstream } from "./fixtures/raw-upstream.ts";
import { connect } from "./fixtures/shelf.ts";

const smuggled = "GET /things/smuggled HTTP/1.1\r\nhost: evil\r\n\r\n";
const chunked = (...pieces: readonly string[]) =>
  `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("")}0\r\n\r\n`;

const framings: Readonly<Record<string, readonly [headers: string, body: string]>> = {
  chunks: ["transfer-encoding: chunked\r\n", chunked(smuggled)],
  "chunks with an extension and a trailer": [
    "transfer-encoding: chunked\r\ntrailer: x-end\r\n",
    `${smuggled.length.toString(16)};a=b\r\n${smuggled}\r\n0\r\nx-end: 1\r\n\r\n`,
  ],
  "a length that Connection names": [
    `connection: keep-alive, content-length\r\ncontent-length: ${String(smuggled.length)}\r\n`,
    smuggled,
  ],
  "chunks whose coding Connection names": [
    "connection: Transfer-Encoding\r\ntransfer-encoding: chunked\r\n",
    chunked(smuggled),
  ],
  "a length and Expect": [`expect: 100-continue\r\ncontent-length: ${String(smuggled.length)}\r\n`, smuggled],
  "a length and an upgrade to h2c": [
    `connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\ncontent-length: ${String(smuggled.length)}\r\n`,
    smuggled,
  ],
};

for (const [framing, [headers, body]] of Object.entries(framings))
  test(`a body of ${framing} is no request of its own, whatever the method`, async (t) => {
    const upstream = await rawUpstream(t);
    for (const dev of [false, true]) {
      const { url } = await doorTo(t, { originOf: () => upstream.origin, dev });
      for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "PURGE", "QUERY"]) {
        upstream.requests.length = 0;
        const line = await connect(url);
        line.send(`${method} /things/a HTTP/1.1\r\nhost: shop\r\n${headers}\r\n${body}`);
        await line.until(/HTTP\/1\.1 [2-5]\d\d [^]*\r\n\r\n/);
        // Another client, whose request takes the connection that was kept.
        const other = await connect(url);
        other.send("GET /things/innocent HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
        await other.closed;
        line.end();
        const targets = upstream.requests.map(({ target }) => target);
        // The contracts have no other methods; the port of `npm run dev` leaves that to whoever answers.
        const known = dev || ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].includes(method);
        assert.deepEqual(targets, known ? ["/things/a", "/things/innocent"] : ["/things/innocent"], method);
        for (const request of upstream.requests)
          assert.equal(request.body, request.target === "/things/a" ? smuggled : "", method);
      }
    }
  });

test("what is framed in two ways, or in none that is known, reaches no service", async (t) => {
  const upstream = await rawUpstream(t);
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const length = `content-length: ${String(smuggled.length)}\r\n`;
  for (const headers of [
    `transfer-encoding: chunked\r\n${length}`,
    `${length}transfer-encoding: chunked\r\n`,
    "transfer-encoding: gzip\r\n",
    "transfer-encoding: chunked, gzip\r\n",
    "transfer-encoding: xchunked\r\n",
    "transfer-encoding:\x0bchunked\r\n",
    "transfer-encoding : chunked\r\n",
    "x: y\r\n transfer-encoding: chunked\r\n",
    "transfer-encoding:\r\n chunked\r\n",
    "content-length: 5\r\ncontent-length: 6\r\n",
    "content-length: +5\r\n",
    "content-length: 5, 5\r\n",
    "content-length: 0x5\r\n",
  ]) {
    const line = await connect(url);
    line.send(`POST /things/a HTTP/1.1\r\nhost: shop\r\n${headers}\r\n${chunked(smuggled)}`);
    assert.match(await line.closed, /^HTTP\/1\.1 400 /, headers);
  }
  assert.equal(upstream.bytes(), "");
});

test("requests that a client sends at once each reach the service, in their order", async (t) => {
  const upstream = await rawUpstream(t, {
    answer: ({ target }) => `HTTP/1.1 200 OK\r\ncontent-length: ${String(target.length)}\r\n\r\n${target}`,
  });
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const line = await connect(url);
  const head = (name: string) => `/things/${name} HTTP/1.1\r\nhost: shop\r\n`;
  line.send(
    `GET ${head("1")}transfer-encoding: chunked\r\n\r\n${chunked(smuggled)}` +
      `DELETE ${head("2")}connection: content-length\r\ncontent-length: 3\r\n\r\nabc` +
      `POST ${head("3")}transfer-encoding: chunked\r\n\r\n${chunked("x", "y")}` +
      `GET ${head("4")}\r\n`,
  );
  const text = await line.until(/things\/4$/);
  assert.deepEqual(
    [...text.matchAll(/\r\n\r\n\/things\/(\d)/g)].map(([, name]) => name),
    ["1", "2", "3", "4"],
  );
  const bodies = upstream.requests.map(({ target, body }) => `${target} ${body}`).toSorted();
  assert.deepEqual(bodies, [`/things/1 ${smuggled}`, "/things/2 abc", "/things/3 xy", "/things/4 "]);
  line.end();
});

/** A request in pieces, as they are written one after another, and the body that they carry. */
const requests = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
  body: fc.oneof(
    fc.constant(""),
    fc.constant(smuggled),
    fc.string({ unit: fc.constantFrom("a", "\r\n", "0", ":", " ", "GET / HTTP/1.1"), maxLength: 40 }),
  ),
  framing: fc.constantFrom("length", "chunks", "length and chunks", "none"),
  pieces: fc.integer({ min: 1, max: 5 }),
  connection: fc.constantFrom(
    undefined,
    "close",
    "keep-alive",
    "content-length",
    "transfer-encoding, host",
    "host, content-length, x-forwarded-for",
    "upgrade",
    "te, trailer, CONTENT-LENGTH",
    ",, content-length ,",
  ),
  more: fc.subarray([
    "te: trailers",
    "trailer: x-end",
    "upgrade: h2c",
    "expect: 100-continue",
    "keep-alive: timeout=5",
    "proxy-connection: keep-alive",
    "x-content-length: 5",
    "x-http-method-override: POST",
  ]),
});

test("whatever a client sends, the service reads exactly that request and nothing else, or the client is refused", async (t) => {
  const upstream = await rawUpstream(t);
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, body, framing, pieces, connection, more }) => {
      upstream.requests.length = 0;
      const headers = [
        "host: shop",
        ...(connection === undefined ? [] : [`connection: ${connection}`]),
        ...more,
        ...(framing.includes("length") ? [`content-length: ${String(body.length)}`] : []),
        ...(framing.includes("chunks") ? ["transfer-encoding: chunked"] : []),
      ];
      const size = Math.ceil(body.length / pieces);
      const parts = Array.from({ length: pieces }, (_, at) => body.slice(at * size, (at + 1) * size)).filter(
        (part) => part !== "",
      );
      const written = framing === "none" ? "" : framing === "length" ? body : chunked(...parts);
      const line = await connect(url);
      line.send(`${method} /things/a HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${written}`);
      const [, status = ""] =
        /HTTP\/1\.1 ([2-5]\d\d) [^]*\r\n\r\n/.exec(await line.until(/HTTP\/1\.1 [2-5]\d\d [^]*\r\n\r\n/)) ?? [];
      const other = await connect(url);
      other.send("GET /things/innocent HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
      assert.match(await other.closed, /^HTTP\/1\.1 200 /);
      line.end();
      const seen = upstream.requests.map((request) => `${request.method} ${request.target} ${request.body}`);
      const innocent = "GET /things/innocent ";
      if (status === "200") {
        assert.deepEqual(seen, [`${method} /things/a ${framing === "none" ? "" : body}`, innocent]);
        assert.deepEqual(upstream.requests[0]?.headers.get("host"), ["shop"]);
      } else {
        assert.match(status, /^4/);
        assert.deepEqual(seen, [innocent]);
      }
    }),
    { numRuns: 200 },
  );
});
