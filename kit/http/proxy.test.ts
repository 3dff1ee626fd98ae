import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { connect, shelf } from "./fixtures/shelf.ts";
import { frontDoor, gate, proxyTo } from "./index.ts";

async function listening(context: TestContext, handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${String(typeof address === "object" && address !== null ? address.port : 0)}`;
}

/** A door whose only service is somewhere else, wherever `originOf` says by then. */
async function doorTo(context: TestContext, originOf: () => string | undefined): Promise<string> {
  const { servers } = await shelf(context);
  const service = servers[0]?.service;
  assert.ok(service !== undefined);
  const runtime = controlledRuntime();
  const proxy = proxyTo(originOf, runtime);
  const routing = proxy.routing.bind(proxy);
  const door = await frontDoor({ services: [{ service, routing }], port: 0, runtime });
  context.after(async () => {
    await door.close(100);
    proxy.close();
  });
  return door.url;
}

test("a request for a service in another process is handed on as it came, and its answer, too", async (t) => {
  const { servers, seen } = await shelf(t);
  const url = await doorTo(t, () => servers[0]?.url);
  const headers = { "content-type": "application/json", "x-request-id": "mine", "x-request-timeout": "4000" };
  const added = await fetch(`${url}/books`, { method: "POST", headers, body: '{"name":"\u00e4"}' });
  assert.deepEqual([added.status, await added.text()], [201, '{"name":"ä"}']);
  assert.equal(added.headers.get("x-request-id"), "mine");
  assert.equal(seen.at(-1)?.headers["x-request-timeout"], "4000");
  const head = await fetch(`${url}/books/a%2Fb`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.equal(seen.at(-1)?.params["name"], "a/b");
  const refused = await fetch(`${url}/books`, { method: "POST", headers, body: "{" });
  assert.match(await refused.text(), new RegExp(kitProblems.malformedJson.code));
});

test("headers of the connection stay on it, those that it names included", async (t) => {
  let got: NodeJS.Dict<string | string[]> = {};
  const origin = await listening(t, (request, response) => {
    got = request.headers;
    response.setHeader("connection", "x-answer").setHeader("x-answer", "1").setHeader("x-kept", "1").end();
  });
  const line = await connect(await doorTo(t, () => origin));
  line.send(
    "GET /books/x HTTP/1.1\r\nhost: shop\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nte: trailers\r\nx-end: 1\r\n\r\n",
  );
  const answer = await line.until(/\r\n\r\n/);
  assert.deepEqual([got["x-hop"], got["te"], got["x-end"], got["host"]], [undefined, undefined, "1", "shop"]);
  assert.match(answer, /x-kept: 1/i);
  assert.doesNotMatch(answer, /x-answer/i);
  line.end();
});

test("no address of a client's leads a request to another origin", async (t) => {
  const elsewhere = await listening(t, (_, response) => response.end("elsewhere"));
  const origin = await listening(t, ({ url }, response) => response.end(`here: ${String(url)}`));
  const runtime = controlledRuntime();
  const proxy = proxyTo(() => origin, runtime);
  const door = await gate({ port: 0, runtime, handle: (request, response) => proxy.routing(request, response) });
  t.after(async () => {
    await door.close(100);
    proxy.close();
  });
  for (const address of [elsewhere, elsewhere.replace("http:", "")]) {
    const line = await connect(door.url);
    line.send(`GET ${address}/x HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n`);
    assert.match(await line.until(/here: .*/), new RegExp(`here: ${address}/x`));
    line.end();
  }
});

test("a service that is not there, hangs up or dies in its answer is a 503 where one can still be told", async (t) => {
  let origin: string | undefined;
  const url = await doorTo(t, () => origin);
  const ask = async () => {
    const reply = await fetch(`${url}/books/x`);
    return `${String(reply.status)} ${await reply.text()}`;
  };
  const unavailable = new RegExp(`^503 .*${kitProblems.unavailable.code}`);
  assert.match(await ask(), unavailable, "it is starting");
  origin = "http://127.0.0.1:1";
  assert.match(await ask(), unavailable, "nobody listens");
  origin = await listening(t, (request) => request.socket.destroy());
  assert.match(await ask(), unavailable, "it hung up");
  origin = await listening(t, (_, response) => {
    response.writeHead(200, { "content-length": "100" }).write("half");
    setImmediate(() => response.destroy());
  });
  await assert.rejects(ask(), "half an answer is not passed off as a whole one");
});

test("who hangs up takes the request to the service with it", { timeout: 5_000 }, async (t) => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const origin = await listening(t, (request) => {
    request.socket.once("close", () => gone.resolve());
    arrived.resolve();
  });
  const line = await connect(await doorTo(t, () => origin));
  line.send("GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
  await arrived.promise;
  line.end();
  await gone.promise;
});
