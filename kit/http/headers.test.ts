import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { patience } from "./request.ts";
import { serveHttp } from "./server.ts";
import { shelf } from "./fixtures/shelf.ts";

const code = async (reply: Response) => /"code":"([^"]*)"/.exec(await reply.text())?.[1];

test("x-request-timeout is the deadline of the request, never later than the endpoint's own", async (t) => {
  const { door, seen, system, waiting } = await shelf(t);
  const ask = async (address: string, headers: Readonly<Record<string, string>> = {}) => {
    const before = system.runtime.clock.monotonic();
    const reply = await fetch(`${door.url}${address}`, { headers });
    const text = await reply.text();
    const last = seen.at(-1);
    return { reply, text, last, left: (last?.deadline ?? 0) - before };
  };
  const patient = await ask("/books/x", { "x-request-timeout": "900000" });
  assert.ok(patient.left > 9_000 && patient.left < 12_000, String(patient.left));
  const other = await ask("/books/x", { "x-request-timeout": "4000" });
  assert.ok(other.left > 3_000 && other.left < 6_000, String(other.left));
  for (const late of [await ask("/hasty/slow"), await ask("/books/slow", { "x-request-timeout": "15" })]) {
    assert.equal(late.reply.status, 504);
    assert.match(late.text, new RegExp(kitProblems.deadlineExceeded.code));
    assert.equal(late.last?.signal.aborted, true, "the handler is told");
  }
  await waiting(2);
});

test("an x-request-timeout that is no number of milliseconds is refused, and one beyond the endpoint's own is that one", () => {
  for (const text of ["", "-1", "+1", "1.5", "1e3", "0x10", "ten", " 5", "5ms", "5, 5"])
    assert.throws(() => patience(text, 100), { code: kitProblems.invalidRequest.code }, text);
  assert.throws(() => patience(["5"], 100), { code: kitProblems.invalidRequest.code });
  assert.equal(patience(undefined, 100), 100);
  assert.equal(patience("0", 100), 0);
  assert.equal(patience("5", 100), 5);
  for (const text of ["101", "9".repeat(12), "9".repeat(400)]) assert.equal(patience(text, 100), 100, text);
});

test("a request that waits for nothing, or for too short, has exceeded its deadline, and counts as no overload", async (t) => {
  const { door, seen, system } = await shelf(t);
  const post = (timeout: string) =>
    fetch(`${door.url}/books`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-timeout": timeout },
      body: '{"name":"x"}',
    });
  const before = seen.length;
  for (const timeout of ["0", "00"]) {
    const reply = await post(timeout);
    assert.deepEqual([reply.status, await code(reply)], [504, kitProblems.deadlineExceeded.code]);
  }
  assert.equal(seen.length, before, "neither reached the service");
  const garbage = await post("-1");
  assert.equal(garbage.status, 400);
  assert.match(await garbage.text(), /"field":"\/x-request-timeout"/);
  // A store that had no turn for the unit before its deadline says that it is overloaded.
  const { clock } = system.runtime;
  const server = await serveHttp({
    service: {
      ...system.service("books"),
      async dispatch({ deadline }) {
        while (clock.monotonic() < deadline);
        return Promise.reject(kitProblems.overloaded({}));
      },
    },
    port: 0,
    verify: () => Promise.reject(new Error("nobody asks")),
    runtime: system.runtime,
    log: silentLogger,
    metrics: system.metrics,
  });
  t.after(() => server.close(0));
  const late = await fetch(`${server.url}/books/x`, { headers: { "x-request-timeout": "3" } });
  assert.deepEqual([late.status, await code(late)], [504, kitProblems.deadlineExceeded.code]);
  const refused = new RegExp(`^holdfast_http_problems_total\\{.*code="${kitProblems.overloaded.code}".*[1-9]`, "m");
  assert.doesNotMatch(await system.metrics.text(), refused);
});

test("the request's id is the client's where it is a decent one, and a new one otherwise; it comes back, with problems too", async (t) => {
  const { door, seen } = await shelf(t);
  const ask = async (address: string, id: string | undefined) => {
    const reply = await fetch(`${door.url}${address}`, id === undefined ? {} : { headers: { "x-request-id": id } });
    const text = await reply.text();
    return { id: reply.headers.get("x-request-id"), text };
  };
  assert.equal((await ask("/books/x", "mine-1.2_3")).id, "mine-1.2_3");
  assert.equal(seen.at(-1)?.requestId, "mine-1.2_3");
  const refused = await ask("/books/%00", "mine");
  assert.equal(refused.id, "mine");
  assert.match(refused.text, /"instance":"mine"/);
  for (const indecent of ["", "a b", "x".repeat(65), "<script>", undefined]) {
    const { id } = await ask("/books/x", indecent);
    assert.match(id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.equal(seen.at(-1)?.requestId, id);
  }
});

test("trace and correlation are handed on; what is none begins anew, and the request's id correlates", async (t) => {
  const { door, seen } = await shelf(t);
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await (await fetch(`${door.url}/books/x`, { headers: { traceparent: trace, "x-correlation-id": "order-7" } })).text();
  assert.deepEqual(seen.at(-1)?.trace, {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    sampled: true,
  });
  assert.equal(seen.at(-1)?.correlationId, "order-7");
  await (
    await fetch(`${door.url}/books/x`, { headers: { traceparent: "00-0-0-0", "x-correlation-id": "a\u00e4" } })
  ).text();
  assert.match(seen.at(-1)?.trace.traceId ?? "", /^[0-9a-f]{32}$/);
  assert.equal(seen.at(-1)?.correlationId, seen.at(-1)?.requestId);
});

test("a deprecated endpoint says until when and what instead; the others say nothing", async (t) => {
  const { door } = await shelf(t);
  const old = await fetch(`${door.url}/old/x`);
  assert.equal(old.status, 200);
  const told = ["deprecation", "sunset", "link"].map((name) => old.headers.get(name));
  assert.deepEqual(told, ["@0", "Mon, 30 Jun 2031 00:00:00 GMT", '</books/{name}>; rel="successor-version"']);
  const current = await fetch(`${door.url}/books/x`);
  for (const name of ["deprecation", "sunset", "link"]) assert.equal(current.headers.get(name), null);
  for (const reply of [old, current]) await reply.text();
});

test("what a token made possible is stored nowhere, and a token that is none is refused where none is needed", async (t) => {
  const { door } = await shelf(t);
  const signed = await fetch(`${door.url}/books/x`, { headers: { authorization: "Bearer t" } });
  assert.equal(signed.headers.get("cache-control"), "no-store");
  const basic = await fetch(`${door.url}/books/x`, { headers: { authorization: "Basic dTpw" } });
  assert.deepEqual([basic.status, basic.headers.get("www-authenticate")], [401, "Bearer"]);
  for (const reply of [signed, basic]) {
    assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
    await reply.text();
  }
});
