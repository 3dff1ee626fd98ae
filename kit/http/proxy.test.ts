import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { until } from "../testing/index.ts";
import { doorTo } from "./fixtures/door-to.ts";
import { emptyAnswer, rawUpstream } from "./fixtures/raw-upstream.ts";
import { connect, shelf } from "./fixtures/shelf.ts";

const json = { "content-type": "application/json" };
const codeIn = (text: string) => /"code":"([^"]*)"/.exec(text)?.[1];

test("a request for a service in another process reaches it as it came, and the client gets its reply", async (t) => {
  const { servers, seen } = await shelf(t);
  const upstream = await rawUpstream(t, {
    answer: () =>
      "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" +
      "HTTP/1.1 201 Made\r\ncontent-length: 3\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-name: \xe4\r\n\r\nyes",
  });
  let origin = upstream.origin;
  const { url } = await doorTo(t, { originOf: () => origin });
  const reply = await fetch(`${url}/things/a%2Fb?q=%20`, {
    method: "PUT",
    headers: { ...json, cookie: "c=3", "x-request-id": "mine", "x-request-timeout": "4000" },
    body: '{"name":"\u00e4"}',
  });
  assert.deepEqual([reply.status, await reply.text(), reply.headers.get("x-name")], [201, "yes", "\u00e4"]);
  assert.deepEqual(reply.headers.getSetCookie(), ["a=1", "b=2"]);
  const [request] = upstream.requests;
  assert.deepEqual([request?.method, request?.target], ["PUT", "/things/a%2Fb?q=%20"]);
  assert.equal(Buffer.from(request?.body ?? "", "latin1").toString("utf8"), '{"name":"\u00e4"}');
  for (const [name, value] of [
    ["content-length", "13"],
    ["content-type", "application/json"],
    ["cookie", "c=3"],
    ["x-request-id", "mine"],
    ["x-request-timeout", "4000"],
    ["host", new URL(url).host],
  ] as const)
    assert.deepEqual(request?.headers.get(name), [value]);
  origin = servers[0]?.url ?? "";
  assert.equal((await fetch(`${url}/things/a`)).status, 404, "as the service says it");
  assert.equal(seen.length, 0);
});

test("HEAD, 204 and 304 have no body, and what has one comes in one piece or in chunks", async (t) => {
  const answers = {
    head: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
    none: "HTTP/1.1 204 No Content\r\n\r\n",
    same: 'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n',
    chunks: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nx-trailer: 1\r\n\r\n",
  };
  const upstream = await rawUpstream(t, {
    answer: ({ target }) => Object.entries(answers).find(([name]) => target.endsWith(name))?.[1],
  });
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const ask = async (method: string, name: string) => {
    const reply = await fetch(`${url}/things/${name}`, { method });
    return [reply.status, reply.headers.get("content-length"), await reply.text()];
  };
  assert.deepEqual(await ask("HEAD", "head"), [200, "5", ""]);
  assert.deepEqual(await ask("GET", "none"), [204, null, ""]);
  assert.deepEqual(await ask("GET", "same"), [304, null, ""]);
  assert.deepEqual(await ask("GET", "chunks"), [200, null, "abc"]);
});

test("headers of a connection stay on it, those that it names included, but for what frames a message, names its sender or its key", async (t) => {
  const upstream = await rawUpstream(t, {
    answer: () =>
      "HTTP/1.1 200 OK\r\nconnection: x-answer, set-cookie, content-length\r\nx-answer: 1\r\nkeep-alive: timeout=5\r\n" +
      "proxy-authenticate: Basic\r\nupgrade: h2c\r\nset-cookie: a=1\r\nx-kept: 1\r\ncontent-length: 2\r\n\r\nok",
  });
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const line = await connect(url);
  line.send(
    "POST /once HTTP/1.1\r\nhost: shop\r\nconnection: X-Hop, host, content-length, authorization, idempotency-key, content-type, x-forwarded-for\r\n" +
      "x-hop: 1\r\nte: trailers\r\nkeep-alive: timeout=5\r\nproxy-connection: keep-alive\r\nproxy-authorization: Basic eA==\r\nexpect: 100-continue\r\n" +
      "authorization: Bearer t\r\nidempotency-key: k\r\ncontent-type: application/json\r\ncontent-length: 2\r\nx-end: 1\r\n\r\n{}",
  );
  const text = await line.until(/\r\n\r\nok$/);
  const [request] = upstream.requests;
  assert.deepEqual(
    [...(request?.headers ?? [])].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`)).toSorted(),
    [
      "authorization: Bearer t",
      "connection: keep-alive",
      "content-length: 2",
      "content-type: application/json",
      "host: shop",
      "idempotency-key: k",
      "x-end: 1",
      "x-forwarded-for: 127.0.0.1",
      "x-forwarded-host: shop",
      "x-forwarded-proto: http",
      `x-request-id: ${request?.headers.get("x-request-id")?.[0] ?? ""}`,
    ],
  );
  const [, reply = ""] = text.split("HTTP/1.1 200 OK");
  assert.match(reply, /set-cookie: a=1/i);
  assert.match(reply, /x-kept: 1/i);
  assert.doesNotMatch(reply, /x-answer|proxy-authenticate|upgrade|timeout=5/i);
  line.end();
});

test("a service learns the client's address from the door alone, and from a client only where that is a trusted proxy", async (t) => {
  const upstream = await rawUpstream(t);
  const originOf = () => upstream.origin;
  const said = {
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-host": "elsewhere",
    "x-forwarded-proto": "https",
    "x-forwarded-port": "1",
    forwarded: "for=203.0.113.8",
    "x-real-ip": "203.0.113.9",
  };
  const told = async (url: string) => {
    await fetch(`${url}/things/a`, { headers: said });
    const { headers } = upstream.requests.at(-1) ?? {};
    return Object.fromEntries(Object.keys(said).map((name) => [name, headers?.get(name)?.join()]));
  };
  const door = await doorTo(t, { originOf });
  assert.deepEqual(await told(door.url), {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": new URL(door.url).host,
    "x-forwarded-proto": "http",
    "x-forwarded-port": undefined,
    forwarded: undefined,
    "x-real-ip": undefined,
  });
  const behind = await doorTo(t, { originOf, trustProxy: "loopback" });
  assert.deepEqual(await told(behind.url), {
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-host": "elsewhere",
    "x-forwarded-proto": "https",
    "x-forwarded-port": undefined,
    forwarded: undefined,
    "x-real-ip": undefined,
  });
});

test("no address of a client's leads a request to another origin", async (t) => {
  const elsewhere = await rawUpstream(t);
  const upstream = await rawUpstream(t);
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  for (const address of [
    elsewhere.origin,
    elsewhere.origin.replace("http:", ""),
    "/\\x",
    "/..",
    "/things/../x",
    "/things/%2e%2e",
  ]) {
    const line = await connect(url);
    line.send(`GET ${address}/things/a HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n`);
    await line.closed;
  }
  assert.equal(elsewhere.connections(), 0);
});

test("a request that surely did not reach the service is kit/unavailable; one whose reply was lost is so only where it may be repeated", async (t) => {
  let origin: string | undefined;
  const { url, entries } = await doorTo(t, { originOf: () => origin });
  const ask = async (method: string, address: string, headers: Readonly<Record<string, string>> = {}) => {
    const body = method === "GET" ? null : "{}";
    const reply = await fetch(`${url}${address}`, {
      method,
      headers: { ...json, ...headers, "x-request-id": "lost" },
      body,
    });
    // Proof: the door answers with problems.
    const { code, retryable, instance } = (await reply.json()) as Record<string, unknown>;
    assert.equal(instance, "lost");
    assert.deepEqual([reply.status, reply.headers.get("retry-after")], [503, retryable === true ? "1" : null]);
    return [code, retryable];
  };
  const unavailable = [kitProblems.unavailable.code, true];
  const unknown = [kitProblems.outcomeUnknown.code, false];
  const all = async () => [
    await ask("GET", "/things/a"),
    await ask("PUT", "/things/a"),
    await ask("DELETE", "/things/a"),
    await ask("POST", "/once", { "idempotency-key": "k" }),
    await ask("POST", "/once"),
    await ask("POST", "/things/a"),
    await ask("PATCH", "/things/a"),
  ];
  const none = Array.from({ length: 7 }, () => unavailable);
  const lost = [unavailable, unavailable, unavailable, unavailable, unknown, unknown, unknown];
  assert.deepEqual(await all(), none, "the service is starting");
  origin = "http://127.0.0.1:1";
  assert.deepEqual(await all(), none, "nobody listens");
  origin = (await rawUpstream(t, { raw: (socket) => void socket.once("data", () => socket.destroy()) })).origin;
  assert.deepEqual(await all(), lost, "it hangs up");
  origin = (await rawUpstream(t, { raw: (socket) => void socket.once("data", () => socket.resetAndDestroy()) })).origin;
  assert.deepEqual(await all(), lost, "its connection is reset");
  origin = (
    await rawUpstream(t, { raw: (socket) => void socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nx")) })
  ).origin;
  assert.deepEqual(await all(), lost, "it ends within the head");
  origin = (await rawUpstream(t, { answer: () => "SSH-2.0-x\r\n\r\n" })).origin;
  assert.deepEqual(await all(), lost, "it does not speak HTTP");
  assert.equal(entries.length, 42);
  for (const { level, fields } of entries)
    assert.deepEqual([level, fields["requestId"], fields["service"]], ["warn", "lost", "things"]);
});

test("half a reply is not passed off as a whole one, and it is logged", async (t) => {
  let answer = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
  const upstream = await rawUpstream(t, {
    answer: (_, socket) => {
      socket.end(answer);
      return undefined;
    },
  });
  const { url, entries } = await doorTo(t, { originOf: () => upstream.origin });
  const ask = async () => (await fetch(`${url}/things/a`)).text();
  await assert.rejects(ask());
  answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
  await assert.rejects(ask());
  assert.equal(entries.length, 2);
});

test("a service that answers before the body has come and hangs up is heard", async (t) => {
  const answer = 'HTTP/1.1 413 Too Large\r\ncontent-length: 7\r\nconnection: close\r\n\r\n"large"';
  for (const raw of [
    (socket: Socket) => void socket.end(answer),
    (socket: Socket) => void socket.once("data", () => socket.end(answer, () => socket.destroy())),
  ]) {
    const upstream = await rawUpstream(t, { raw });
    const { url } = await doorTo(t, { originOf: () => upstream.origin, limits: { bodyBytes: 4_000_000 } });
    for (const bytes of [100, 262_144, 262_145, 600_000, 2_000_000])
      for (let n = 0; n < 10; n += 1) {
        const reply = await fetch(`${url}/things/a`, { method: "POST", body: "x".repeat(bytes) });
        assert.deepEqual([reply.status, await reply.text()], [413, '"large"'], String(bytes));
      }
  }
});

test("a body above the endpoint's limit is refused with 413 at the door, every time, and the connection goes on", async (t) => {
  const upstream = await rawUpstream(t);
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  for (const bytes of [262_145, 600_000, 2_000_000])
    for (const headers of [`content-length: ${String(bytes)}`, "transfer-encoding: chunked"]) {
      const line = await connect(url);
      const body = "x".repeat(bytes);
      line.send(`POST /things/a HTTP/1.1\r\nhost: shop\r\n${headers}\r\n\r\n`);
      line.send(headers.startsWith("content") ? body : `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
      line.send("GET /things/next HTTP/1.1\r\nhost: shop\r\n\r\n");
      const text = await line.until(/HTTP\/1\.1 200 /);
      assert.match(text, /^HTTP\/1\.1 413 [^]*"code":"kit\/body-too-large"[^]*"limitBytes":262144/);
      line.end();
    }
  assert.deepEqual(new Set(upstream.requests.map(({ target }) => target)), new Set(["/things/next"]));
});

test("a reply may take as long as the endpoint's contract says, and a moment more; then the door answers", async (t) => {
  const upstream = await rawUpstream(t, { answer: () => undefined });
  const { url, runtime } = await doorTo(t, { originOf: () => upstream.origin, limits: { timeoutMs: 45_000 } });
  const ask = async (method: string, headers: Readonly<Record<string, string>> = {}) => {
    const before = upstream.requests.length;
    let over = false;
    const asked = fetch(`${url}/things/a`, { method, headers }).finally(() => (over = true));
    await until("it has reached the service", () => upstream.requests.length > before);
    const patience = Number(headers["x-request-timeout"] ?? 45_000);
    await runtime.advance(patience + 1_000);
    assert.equal(over, false);
    await runtime.advance(10_000);
    const reply = await asked;
    return [reply.status, codeIn(await reply.text())];
  };
  assert.deepEqual(await ask("GET"), [504, kitProblems.deadlineExceeded.code]);
  assert.deepEqual(await ask("GET", { "x-request-timeout": "2000" }), [504, kitProblems.deadlineExceeded.code]);
  assert.deepEqual(await ask("POST"), [503, kitProblems.outcomeUnknown.code]);
});

test("who hangs up takes the request to the service with it", { timeout: 5_000 }, async (t) => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const upstream = await rawUpstream(t, {
    raw: (socket) => {
      socket.once("data", () => arrived.resolve());
      socket.once("close", () => gone.resolve());
    },
  });
  const { url, entries } = await doorTo(t, { originOf: () => upstream.origin });
  const line = await connect(url);
  line.send("GET /things/x HTTP/1.1\r\nhost: x\r\n\r\n");
  await arrived.promise;
  line.end();
  await gone.promise;
  assert.deepEqual(entries, []);
});

test("300 clients that send their bodies slowly hold no connection to the service, and nobody up", async (t) => {
  const upstream = await rawUpstream(t);
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const slow = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const line = await connect(url);
      line.send("POST /things/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{");
      return line;
    }),
  );
  assert.equal((await fetch(`${url}/things/a`)).status, 200);
  assert.equal(upstream.connections(), 1);
  for (const line of slow) line.end();
});

test("300 clients that do not read their replies hold nobody up", async (t) => {
  const large = `HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n`;
  const upstream = await rawUpstream(t, {
    answer: ({ target }, socket) => {
      if (target === "/things/a") return emptyAnswer;
      socket.write(large);
      socket.write(Buffer.alloc(10_000));
      return undefined;
    },
  });
  const { url } = await doorTo(t, { originOf: () => upstream.origin });
  const slow = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const line = await connect(url);
      line.pause();
      line.send("GET /things/large HTTP/1.1\r\nhost: x\r\n\r\n");
      return line;
    }),
  );
  await until("all have reached the service", () => upstream.requests.length === 300);
  assert.equal((await fetch(`${url}/things/a`)).status, 200);
  for (const line of slow) line.end();
});

test("what the door could not answer is in its log under the request's id, a bug of its own as an error", async (t) => {
  const { url, entries } = await doorTo(t, {
    originOf: () => {
      throw new TypeError("planted");
    },
  });
  const reply = await fetch(`${url}/things/a`);
  const text = await reply.text();
  assert.deepEqual([reply.status, codeIn(text)], [500, kitProblems.internal.code]);
  const id = /"instance":"([^"]*)"/.exec(text)?.[1];
  assert.equal(reply.headers.get("x-request-id"), id);
  assert.deepEqual(
    entries.map(({ level, fields }) => [level, fields["requestId"]]),
    [["error", id]],
  );
});
