import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { samplesOf, until, valueOf } from "../testing/index.ts";
import { connect, shelf } from "./fixtures/shelf.ts";
import { frontDoor, httpProxy, type Routing } from "./index.ts";

const name = "holdfast_http_request_duration_seconds_count";
const json = { "content-type": "application/json" };

test("requests are counted by route, method and class of status, whichever door they came through", async (t) => {
  const { door, servers, system } = await shelf(t);
  const own = servers[0]?.url ?? "";
  for (const url of [own, door.url, door.url]) assert.equal((await fetch(`${url}/books/x`)).status, 200);
  assert.equal((await fetch(`${own}/books/x`, { method: "HEAD" })).status, 200);
  assert.equal((await fetch(`${own}/books`, { method: "POST", headers: json, body: '{"name":"x"}' })).status, 201);
  assert.equal((await fetch(`${own}/books`, { method: "POST", headers: json, body: '{"name":1}' })).status, 400);
  assert.equal((await fetch(`${own}/hasty/slow`)).status, 504);
  const text = await system.metrics.text();
  const count = (method: string, route: string, status: string) =>
    valueOf(text, name, { service: "books", method, route, status });
  assert.equal(count("GET", "/books/{name}", "2xx"), 4);
  assert.equal(count("POST", "/books", "2xx"), 1);
  assert.equal(count("POST", "/books", "4xx"), 1);
  assert.equal(count("GET", "/hasty/{name}", "5xx"), 1);
  const hasty = valueOf(text, "holdfast_http_request_duration_seconds_sum", { route: "/hasty/{name}" }) ?? 0;
  assert.ok(hasty >= 0.02, "it took as long as its limit");
  assert.equal(valueOf(text, "holdfast_http_problems_total", { code: "kit/invalid-request" }), 1);
  assert.equal(valueOf(text, "holdfast_http_problems_total", { code: "kit/deadline-exceeded" }), 1);
  const paths = new Set(samplesOf(text).flatMap(({ labels }) => labels["route"] ?? []));
  assert.deepEqual([...paths].toSorted(), ["/books", "/books/{name}", "/hasty/{name}"], "patterns, not addresses");
});

test("what no handler was reached for is counted under one route, by each door for itself", async (t) => {
  const { door, servers, system } = await shelf(t, { bodyBytes: 64 });
  const own = servers[0]?.url ?? "";
  for (const [url, service] of [
    [own, "books"],
    [door.url, "front-door"],
  ] as const) {
    for (const address of ["/nothing", "/nothing/else", "/books"]) await fetch(`${url}${address}`);
    const line = await connect(url);
    line.send("hello\r\n\r\n");
    await line.closed;
    const text = await system.metrics.text();
    const refused = { service, route: "(none)" };
    assert.equal(valueOf(text, name, refused), 4, service);
    assert.equal(valueOf(text, name, { ...refused, status: "4xx" }), 4, service);
    const problems = (code: string) => valueOf(text, "holdfast_http_problems_total", { service, code });
    assert.deepEqual(
      ["kit/not-found", "kit/method-not-allowed", "kit/malformed-request"].map(problems),
      [2, 1, 1],
      service,
    );
  }
  await fetch(`${own}/%ff`);
  await fetch(`${own}/books`, { method: "POST", headers: json, body: JSON.stringify({ name: "x".repeat(100) }) });
  await fetch(`${own}/health`);
  const text = await system.metrics.text();
  assert.equal(valueOf(text, name, { service: "books", route: "(none)" }), 6);
  assert.equal(valueOf(text, name, { service: "books", route: "(pages)", status: "2xx" }), 1);
});

test("what the way to a service's process refuses is counted by the front door, and a client that leaves is not refused", async (t) => {
  const { system } = await shelf(t);
  const { runtime, metrics } = system;
  let origin: string | undefined;
  const proxy = httpProxy(runtime);
  const service = { ...system.service("search"), unready: () => Promise.resolve([]) };
  const routing: Routing = (request, response, limits) => proxy.forward({ origin, request, response, limits });
  const door = await frontDoor({ services: [{ service, routing }], port: 0, runtime, metrics });
  t.after(async () => {
    await door.close(500);
    await proxy.close();
  });
  const ask = () => fetch(`${door.url}/books/x`, { method: "DELETE" });
  assert.equal((await ask()).status, 503);
  const silent = createServer();
  await new Promise<void>((resolve) => {
    silent.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => silent.close());
  const address = silent.address();
  origin = `http://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}`;
  const connected = once(silent, "connection");
  const leaves = await connect(door.url);
  leaves.send("DELETE /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
  // Proof: what "connection" is emitted with.
  const [socket] = (await connected) as [Socket];
  const closed = once(socket.resume(), "close");
  leaves.end();
  await closed;
  origin = "http://127.0.0.1:1";
  assert.equal((await ask()).status, 503);
  const text = await metrics.text();
  assert.equal(valueOf(text, name, { service: "front-door", route: "(none)", status: "5xx" }), 2);
  assert.equal(valueOf(text, "holdfast_http_problems_total", { service: "front-door", code: "kit/unavailable" }), 2);
});

test("requests in flight come down to none, also where the client has gone", async (t) => {
  const { door, servers, system, waiting, release } = await shelf(t);
  const inFlight = async () =>
    valueOf(await system.metrics.text(), "holdfast_http_requests_in_flight", { service: "books" });
  const gone = await connect(door.url);
  gone.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n");
  const half = await connect(servers[0]?.url ?? "");
  half.send("POST /books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n{");
  const stays = fetch(`${door.url}/books/slow`);
  await waiting(2);
  assert.equal(await inFlight(), 2);
  gone.end();
  half.end();
  release();
  assert.equal((await stays).status, 200);
  await until("nothing is in flight", async () => (await inFlight()) === 0);
});

test("every port serves the metrics of its process, and tells its open connections", async (t) => {
  const { door, servers } = await shelf(t);
  const lines = [await connect(door.url), await connect(door.url)];
  for (const url of [door.url, ...servers.map((server) => server.url)]) {
    const reply = await fetch(`${url}/metrics`);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = await reply.text();
    assert.ok((valueOf(text, "holdfast_http_connections", { service: "front-door" }) ?? 0) >= 2, url);
    for (const service of ["books", "search"])
      assert.notEqual(valueOf(text, "holdfast_http_connections", { service }), undefined, url);
  }
  for (const line of lines) line.end();
  assert.equal((await fetch(`${door.url}/metrics`, { method: "POST" })).status, 404);
});
