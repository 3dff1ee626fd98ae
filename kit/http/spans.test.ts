import { SpanKind } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { Client } from "../calls/index.ts";
import { contracts, kitProblems, t } from "../contract/index.ts";
import { service } from "../service/index.ts";
import { snapshot, sql } from "../sql/index.ts";
import { find, recorded, traceOf } from "../telemetry/fixtures/recorded.ts";
import { silentLogger } from "../telemetry/index.ts";
import { start, until, user } from "../testing/index.ts";
import { serveHttp } from "./index.ts";

const { endpoint } = contracts("doors");
const Said = t.Object({ said: t.String() });
const shape = { summary: "", replies: { 200: Said } } as const;
const Knock = endpoint("GET /doors/{secret}", { ...shape, access: "anyone" });
const Open = endpoint("POST /doors", { ...shape, access: "user", body: Said });

/** A service with spans on a port of its own. */
async function doors(context: TestContext, knocked: () => Promise<void> = () => Promise.resolve()) {
  const shown = await recorded();
  const { runtime, tracing } = shown;
  const store = sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] });
  const { handle, assemble } = service("doors", { store, scope: () => ({}) });
  const said = { said: "come in" };
  const routes = {
    Knock: handle(Knock, { prepare: knocked, run: ({ reply }) => Promise.resolve(reply(200, said)) }),
    Open: handle(Open, ({ reply }) => Promise.resolve(reply(200, said))),
  };
  const system = await start(assemble({ Knock, Open }, { routes, consumers: [] }), { runtime, tracing });
  context.after(() => system[Symbol.asyncDispose]());
  const verify = (token: string) =>
    token === "good" ? Promise.resolve(user("ada")) : Promise.reject(kitProblems.unauthenticated({}));
  const server = await serveHttp({
    service: system.service("doors"),
    port: 0,
    verify,
    runtime,
    log: silentLogger,
    tracing,
    limits: { bodyBytes: 100 },
  });
  context.after(() => server.close(0));
  const requests = () => shown.spans().filter(({ kind }) => kind === SpanKind.SERVER);
  const request = async (number: number) => {
    await until("the request is shown", () => requests().length === number);
    return requests()[number - 1] ?? assert.fail("there is no such span");
  };
  return { ...shown, url: server.url, port: server.port, request };
}

test("a request continues the trace it brings; what a client chose of its path is not written down", async (context) => {
  const { url, request, tree } = await doors(context);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await fetch(`${url}/doors/hunter2?`, { headers: { traceparent } });
  const span = await request(1);
  assert.equal(traceOf(span), "0af7651916cd43dd8448eb211c80319c");
  assert.deepEqual([span.parentSpanContext?.spanId, span.parentSpanContext?.isRemote], ["b7ad6b7169203331", true]);
  assert.deepEqual(span.attributes, {
    "http.request.method": "GET",
    "http.route": "/doors/{secret}",
    "http.response.status_code": 200,
    "network.protocol.version": "1.1",
    "url.scheme": "http",
  });
  assert.deepEqual(tree(), ["lost: GET /doors/{secret} (doors)", "  prepare (doors)", "  run (doors)"]);
});

test("refusals are shown with the code of their problem, wherever they were refused", async (context) => {
  const { url, request } = await doors(context);
  const post = (body: string, token: string) =>
    fetch(`${url}/doors`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
  const refused = [
    { answer: () => post('{"said":"x"}', "bad"), code: "kit/unauthenticated", status: 401 },
    { answer: () => post('{"said":', "good"), code: "kit/malformed-json", status: 400 },
    { answer: () => post(`{"said":"${"x".repeat(200)}"}`, "good"), code: "kit/body-too-large", status: 413 },
    { answer: () => post('{"said":1}', "good"), code: "kit/invalid-request", status: 400 },
  ];
  for (const [at, { answer, code, status }] of refused.entries()) {
    assert.equal((await answer()).status, status);
    const { attributes } = await request(at + 1);
    assert.deepEqual([attributes["holdfast.problem"], attributes["http.response.status_code"]], [code, status]);
    assert.equal(attributes["error.type"], undefined, "it is not the server that failed");
    assert.equal(attributes["url.path"], "/doors");
  }
});

test("a request whose client has gone is shown as such, and pages and unknown paths are not shown", async (context) => {
  const [knocked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { url, port, request, spans } = await doors(context, () => {
    knocked.resolve();
    return gate.promise;
  });
  await fetch(`${url}/health`);
  await fetch(`${url}/nowhere`);
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /doors/x HTTP/1.1\r\nhost: x\r\n\r\n");
  await knocked.promise;
  socket.destroy();
  const { attributes } = await request(1);
  gate.resolve();
  assert.equal(attributes["error.type"], "client-gone");
  await until("its handler has ended", () => spans().some(({ name }) => name === "run"));
  assert.ok(spans().every(({ name }) => !name.includes("health") && !name.includes("nowhere")));
});

test("a call over HTTP is a span of the caller and one of the callee, one below the other; a repetition is a span more", async (context) => {
  const { url, tracing, runtime, tree, spans } = await doors(context);
  const addresses = [["http://127.0.0.1:1"], [url], [url]];
  const client = new Client({
    runtime,
    tracing,
    elsewhere: { addressesOf: () => addresses.shift() ?? [], token: () => Promise.resolve("good") },
  });
  context.after(() => client.close());
  const parent = tracing.of("caller").start("prepare", { kind: "internal", parent: undefined });
  const cause = {
    handler: "POST /caller",
    service: "caller",
    identity: undefined,
    repeatable: true,
    id: "request-1",
    correlationId: "correlation-1",
    trace: parent.context,
    caller: undefined,
    deadline: runtime.clock.monotonic() + 5_000,
    signal: new AbortController().signal,
    ordinal: 1,
  };
  await client.call(Knock, { params: { secret: "hunter2" } }, cause);
  parent.end();
  await until("all is shown", () => spans().length === 6);
  assert.deepEqual(tree(), [
    "prepare (caller)",
    "  GET /doors/{secret} (caller) kit/unavailable",
    "  GET /doors/{secret} (caller)",
    "    GET /doors/{secret} (doors)",
    "      prepare (doors)",
    "      run (doors)",
  ]);
  const [, second] = spans().filter(({ kind }) => kind === SpanKind.CLIENT);
  assert.equal(second?.attributes["http.request.resend_count"], 1);
  assert.equal(find(spans(), "GET /doors/{secret}", "caller").attributes["server.address"], "doors");
});
