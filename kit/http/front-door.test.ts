import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { kitProblems } from "../contract/index.ts";
import { connect, shelf } from "./fixtures/shelf.ts";
import { methodsAt } from "./methods-at.ts";

test("a request goes to the service that claims its address and its method, whoever claims the others", async (t) => {
  const { door } = await shelf(t);
  const headers = { "content-type": "application/json" };
  const post = { method: "POST", headers, body: '{"name":"x"}' };
  const ask = async (address: string, init: RequestInit = {}) => (await fetch(`${door.url}${address}`, init)).text();
  assert.equal(await ask("/books/dune"), '{"name":"book dune"}');
  assert.equal(await ask("/books", post), '{"name":"x"}');
  assert.equal(await ask("/books/search", post), '{"name":"found x"}');
  assert.equal(await ask("/books/dune", { method: "DELETE" }), '{"name":"dropped dune"}');
  assert.equal(await ask("/books/search"), '{"name":"book search"}', "a name that another method has taken");
  assert.equal(await ask("/%62ooks/a%20%2F%C3%A4"), '{"name":"book a /ä"}', "percent-encoding means the same");
});

test("the front door answers as each service's own door does", async (t) => {
  const { door, servers } = await shelf(t);
  const [books] = servers;
  const ask = async (origin: string, address: string, method: string) => {
    const reply = await fetch(`${origin}${address}`, { method, body: method === "QUERY" ? "x" : null });
    return [
      reply.status,
      /"code":"[^"]*"/.exec(await reply.text())?.[0],
      reply.headers.get("content-type")?.split(";")[0],
    ];
  };
  for (const [address, method] of [
    ["/books/dune", "GET"],
    ["/books/dune", "HEAD"],
    ["/books/", "GET"],
    ["/books/dune/", "GET"],
    ["/nowhere", "GET"],
    ["/BOOKS/dune", "GET"],
    ["/old/dune", "POST"],
    ["/books/%E4", "GET"],
    ["/", "PATCH"],
    ["/books/dune", "OPTIONS"],
    ["/books/dune", "PURGE"],
    ["/books/dune", "QUERY"],
    ["/nowhere", "QUERY"],
  ] as const)
    assert.deepEqual(await ask(door.url, address, method), await ask(books?.url ?? "", address, method), address);
});

test("a service in the same process learns the client's address and its request's id from the door, too", async (t) => {
  const { door, seen } = await shelf(t);
  const said = { "x-forwarded-for": "203.0.113.7", "x-forwarded-host": "elsewhere", forwarded: "for=203.0.113.8" };
  const reply = await fetch(`${door.url}/books/x`, { headers: said });
  const { headers, requestId } = seen.at(-1) ?? {};
  assert.deepEqual(
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded"].map((name) => headers?.[name]),
    ["127.0.0.1", new URL(door.url).host, "http", undefined],
  );
  assert.equal(reply.headers.get("x-request-id"), requestId);
});

test("addresses in every form that HTTP has lead to a problem or a reply, at each door", async (t) => {
  const { door, servers } = await shelf(t);
  for (const url of [door.url, servers[0]?.url ?? ""])
    for (const [target, wanted] of [
      ["OPTIONS *", /^HTTP\/1\.1 404 [^]*"code":"kit\/not-found"/],
      ["GET http://elsewhere/books/x", /^HTTP\/1\.1 200 [^]*book x/],
      ["GET http://elsewhere/nowhere", /^HTTP\/1\.1 404 [^]*"code":"kit\/not-found"/],
      ["PATCH http://elsewhere/books/x", /^HTTP\/1\.1 405 [^]*"code":"kit\/method-not-allowed"/],
      ["GET //books/x", /^HTTP\/1\.1 404 [^]*"code":"kit\/not-found"/],
    ] as const) {
      const line = await connect(url);
      line.send(`${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      assert.match(await line.closed, wanted, target);
    }
});

test("an address that others claim by other methods refuses with all of those", async (t) => {
  const { door } = await shelf(t);
  const patched = await fetch(`${door.url}/books/search`, { method: "PATCH" });
  assert.equal(patched.status, 405);
  assert.equal(patched.headers.get("allow"), "DELETE, GET, HEAD, POST");
  assert.match(await patched.text(), new RegExp(kitProblems.methodNotAllowed.code));
  const nowhere = await fetch(`${door.url}/nowhere/else`);
  assert.equal(nowhere.status, 404);
  assert.match(await nowhere.text(), new RegExp(kitProblems.notFound.code));
});

test("HEAD says what GET would, without the body", async (t) => {
  const { door } = await shelf(t);
  for (const address of ["/books/dune", "/health", "/openapi.json"]) {
    const [head, got] = await Promise.all(["HEAD", "GET"].map((method) => fetch(`${door.url}${address}`, { method })));
    assert.deepEqual([head?.status, await head?.text()], [got?.status, ""]);
    assert.equal(head?.headers.get("content-type"), got?.headers.get("content-type"));
    assert.equal(head?.headers.get("content-length"), got?.headers.get("content-length"), address);
    await got?.text();
  }
});

test("one connection serves many requests, refused ones among them", async (t) => {
  const { door } = await shelf(t);
  const line = await connect(door.url);
  const get = (address: string) => line.send(`GET ${address} HTTP/1.1\r\nhost: x\r\n\r\n`);
  get("/books/one");
  await line.until(/book one/);
  get("/nowhere");
  await line.until(/kit\/not-found/);
  get("/books/two");
  get("/books/three");
  const text = await line.until(/book two[^]*book three/);
  assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 4);
  line.end();
});

test("closing lets a request in hand finish, takes no other, and does not wait for idle connections", async (t) => {
  const { door, servers, waiting, release, system } = await shelf(t);
  for (const server of [door, servers[0]]) {
    assert.ok(server !== undefined);
    const silent = await connect(server.url);
    const idle = await connect(server.url);
    idle.send("GET /books/idle HTTP/1.1\r\nhost: x\r\n\r\n");
    await idle.until(/book idle/);
    const busy = await connect(server.url);
    busy.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n");
    await waiting(server === door ? 1 : 2);
    const began = system.runtime.clock.monotonic();
    const closed = server.close(4_000);
    await Promise.all([silent.closed, idle.closed]);
    await assert.rejects(fetch(`${server.url}/books/late`));
    if (server === door) release();
    const text = await busy.until(/book slow/);
    assert.match(text, /HTTP\/1\.1 200/);
    await closed;
    assert.ok(system.runtime.clock.monotonic() - began < 3_000, "it did not wait for the end of the time");
  }
});

test("closing ends what does not finish in its time", async (t) => {
  const { door, waiting } = await shelf(t);
  const busy = await connect(door.url);
  busy.send("GET /books/slow HTTP/1.1\r\nhost: x\r\n\r\n");
  await waiting(1);
  await door.close(20);
  assert.equal(await busy.closed, "");
});

test("health tells of every service, and the front door's documents of all endpoints", async (t) => {
  const { door, servers } = await shelf(t);
  const json = async (address: string) => {
    const reply = await fetch(address);
    return { status: reply.status, text: await reply.text() };
  };
  assert.deepEqual(JSON.parse((await json(`${door.url}/health`)).text), {
    status: "ready",
    services: [
      { service: "books", failing: [] },
      { service: "search", failing: [] },
    ],
  });
  assert.equal((await json(`${door.url}/health/ready`)).status, 200);
  assert.deepEqual(JSON.parse((await json(`${door.url}/health/live`)).text), { status: "live" });
  assert.deepEqual(JSON.parse((await json(`${servers[0]?.url ?? ""}/health`)).text), {
    status: "ready",
    service: "books",
    failing: [],
  });
  for (const origin of [door.url, servers[0]?.url ?? ""]) {
    assert.match((await json(`${origin}/openapi.json`)).text, /"\/books\/\{name\}"/);
    assert.match((await json(`${origin}/docs`)).text, /Old|old/);
  }
  assert.match((await json(`${door.url}/openapi.json`)).text, /"\/books\/search"/);
});

test("an address has the methods of all routes that fit it, whatever is percent-encoded", () => {
  const part = fc.constantFrom("a", "b", "{x}");
  const route = fc.record({
    method: fc.constantFrom("GET", "POST"),
    parts: fc.array(part, { minLength: 1, maxLength: 3 }),
  });
  const asked = fc.array(fc.constantFrom("a", "b", "c", "%61", "a%2Fb", "%ff"), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(route, { maxLength: 8 }), asked, fc.constantFrom("", "?q=/a/b"), (routes, address, query) => {
      const fitting = routes.filter(
        ({ parts }) =>
          parts.length === address.length &&
          parts.every((each, at) => each === "{x}" || each === address[at]?.replace("%61", "a")),
      );
      const has = (method: string) => fitting.some((each) => each.method === method);
      const methods = [...(has("GET") ? ["GET", "HEAD"] : []), ...(has("POST") ? ["POST"] : [])];
      const table = methodsAt(routes.map(({ method, parts }) => ({ method, path: `/${parts.join("/")}` })));
      assert.deepEqual(table(`/${address.join("/")}${query}`), methods);
    }),
    { numRuns: 500 },
  );
});

test("whoever asks for health while the checks run gets their result: a storm of questions asks each service once", async (t) => {
  const { door, servers } = await shelf(t);
  const ask = servers.map(({ service }) => t.mock.method(service, "unready"));
  const line = await connect(door.url);
  line.send(
    "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100) +
      "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
  );
  assert.equal((await line.closed).split('"status":"ready"').length - 1, 101);
  for (const { mock } of ask) assert.ok(mock.callCount() < 20, `${String(mock.callCount())} questions`);
});
