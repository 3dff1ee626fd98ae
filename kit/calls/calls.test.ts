import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { isProblem, kitProblems, type Endpoint } from "../contract/index.ts";
import type { Dispatch } from "../service/index.ts";
import { Ask, Done, errands } from "../service/fixtures/errands.ts";
import { formatTraceparent } from "../telemetry/index.ts";
import { start } from "../testing/index.ts";
import {
  Again,
  callee,
  cause,
  failed,
  ok,
  Once,
  OutOfLuck,
  Read,
  runtime,
  serve,
  token,
  ways,
  type Answer,
} from "./fixtures/callee.ts";
import { Client, type CallLimits } from "./index.ts";

const body = { said: "please" };

for (const { name: way, client: connect } of ways) {
  const callTest = (
    what: string,
    answer: Answer,
    run: (given: { client: Client; asked: Dispatch[] }) => Promise<void>,
    limits?: Partial<CallLimits>,
  ) =>
    void test(`${way}: ${what}`, async (t) => {
      const { service, asked } = callee(answer);
      await run({ client: await connect(t, service, { limits }), asked });
    });

  callTest("path, query, body and headers arrive as they were meant", ok, async ({ client, asked }) => {
    await client.call(Read, { params: { name: "a/ü ?#" }, query: { list: ["x", "y&z"], count: 3, on: true } }, cause());
    const [request] = asked;
    assert.deepEqual({ ...request?.params }, { name: "a/ü ?#" });
    assert.deepEqual({ ...request?.query }, { list: ["x", "y&z"], count: "3", on: "true" });
    await client.call(Once, { body }, cause());
    assert.deepEqual(asked[1]?.body, body);
    const guest = { kind: "guest" } as const;
    assert.deepEqual(asked[1]?.caller, { kind: "service", name: "caller", onBehalfOf: guest });
  });

  callTest(
    "a service calls on behalf of whoever asked it, also through a third; in its own name where nobody did",
    ok,
    async ({ client, asked }) => {
      const ada = { kind: "user", id: "ada ☕", roles: ["operator", "bäcker"] } as const;
      const own = { kind: "service", name: "caller" } as const;
      for (const caller of [ada, { kind: "service", name: "third", onBehalfOf: ada } as const, own])
        await client.call(Once, { body }, cause({ caller }));
      assert.deepEqual(
        asked.map(({ caller }) => caller),
        [{ ...own, onBehalfOf: ada }, { ...own, onBehalfOf: ada }, own],
      );
    },
  );

  callTest("trace, correlation and deadline are handed on", ok, async ({ client, asked }) => {
    const given = cause({ deadline: runtime.clock.monotonic() + 700 });
    await client.call(Once, { body }, given);
    const [request] = asked;
    assert.ok(request !== undefined);
    assert.equal(request.correlationId, "correlation-1");
    assert.equal(formatTraceparent(request.trace), formatTraceparent(given.trace));
    assert.ok(request.deadline <= runtime.clock.monotonic() + 700, "what was left when it was asked is all there is");
  });

  callTest(
    "a field that the contract does not know is let through; a body that it does not allow fails",
    (request) =>
      Promise.resolve({
        status: 200,
        body: request.params["name"] === "more" ? { said: "yes", more: 1 } : { saying: 1 },
      }),
    async ({ client }) => {
      const { body: more } = await client.call(Read, { params: { name: "more" }, query: {} }, cause());
      assert.equal(more.said, "yes");
      const wrong = await failed(client.call(Read, { params: { name: "x" }, query: {} }, cause()));
      assert.equal(wrong.code, "kit/call-failed");
    },
  );

  callTest(
    "a status that the contract does not name is a failed call",
    () => Promise.resolve({ status: 202, body: { said: "yes" } }),
    async ({ client }) => assert.equal((await failed(client.call(Again, { body }, cause()))).code, "kit/call-failed"),
  );

  callTest(
    "a problem that the contract declares is thrown as it was",
    () => Promise.reject(OutOfLuck({ name: "Ada" })),
    async ({ client, asked }) => {
      const thrown = await failed(client.call(Once, { body }, cause()));
      const { code, status, facts, message } = thrown;
      assert.deepEqual(
        [code, status, facts, message],
        ["callee/out-of-luck", 409, { name: "Ada" }, "Ada had no luck."],
      );
      assert.equal(asked.length, 1);
    },
  );

  const refusing = (...fields: readonly string[]): Answer => {
    const errors = fields.map((field) => ({ in: "query", field, rule: "cursor", message: "is none of mine" }));
    return () => Promise.reject(kitProblems.invalidRequest({ errors }));
  };
  const own = { params: { name: "x" }, query: { list: ["a"], count: 3 } };
  const passedOn = { ...own, fromClient: ["list", "count"] as const };
  callTest(
    "what the callee refuses of the client's own fields is the client's mistake, and is told as the callee told it",
    refusing("/list/0", "/count"),
    async ({ client }) => {
      const { code, status, facts } = await failed(client.call(Read, passedOn, cause()));
      assert.deepEqual([code, status], ["kit/invalid-request", 400]);
      assert.deepEqual(
        facts["errors"],
        ["/list/0", "/count"].map((field) => ({ in: "query", field, rule: "cursor", message: "is none of mine" })),
      );
      assert.equal((await failed(client.call(Read, own, cause()))).code, "kit/call-failed");
    },
  );
  callTest(
    "what the callee refuses of the caller's own fields is a failed call, also beside the client's",
    refusing("/list/0", "/on"),
    async ({ client }) => assert.equal((await failed(client.call(Read, passedOn, cause()))).code, "kit/call-failed"),
  );
  callTest(
    "an address that the callee does not have is the client's mistake where the client chose it",
    () => Promise.reject(kitProblems.notFound({})),
    async ({ client }) => {
      const chosen = { ...own, fromClient: ["name"] as const };
      assert.equal((await failed(client.call(Read, chosen, cause()))).code, "kit/not-found");
      assert.equal((await failed(client.call(Read, passedOn, cause()))).code, "kit/call-failed");
    },
  );

  callTest(
    "whatever else the callee fails with tells nothing of it, and is not repeated",
    () => Promise.reject(new Error("secret")),
    async ({ client, asked }) => {
      const thrown = await failed(client.call(Once, { body }, cause()));
      assert.equal(thrown.code, "kit/call-failed");
      assert.ok(!thrown.message.includes("secret"));
      assert.equal(asked.length, 1);
    },
  );

  let failures = 2;
  callTest(
    "what may be repeated is repeated, under the same key",
    () => {
      failures -= 1;
      return failures >= 0
        ? Promise.reject(kitProblems.unavailable({ reason: "not yet" }, { headers: { "retry-after": "0" } }))
        : ok(blank);
    },
    async ({ client, asked }) => {
      await client.call(Once, { body }, cause());
      assert.equal(asked.length, 3);
      assert.equal(new Set(asked.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
      await client.call(Once, { body, idempotencyKey: "its-own" }, cause());
      assert.deepEqual([asked.length, asked.at(-1)?.idempotencyKey], [4, "its-own"]);
      await client.call(Once, { body }, cause());
      assert.notEqual(asked.at(-1)?.idempotencyKey, asked[0]?.idempotencyKey, "another call has another key");
    },
  );

  callTest(
    "what may not be repeated is not",
    () => Promise.reject(kitProblems.unavailable({ reason: "no" })),
    async ({ client, asked }) => {
      assert.equal((await failed(client.call(Again, { body }, cause()))).code, "kit/unavailable");
      assert.equal(asked.length, 1);
    },
  );

  callTest(
    "repetitions have a budget, and a service that fails again and again is left alone until one call in between succeeds",
    () =>
      down
        ? Promise.reject(kitProblems.unavailable({ reason: "down" }, { headers: { "retry-after": "0" } }))
        : ok(blank),
    async ({ client, asked }) => {
      down = true;
      for (let at = 0; at < 60; at += 1) await failed(client.call(Once, { body }, cause()));
      assert.ok(asked.length < 45, `${String(asked.length)} of 60 calls and their repetitions got through`);
      assert.match((await failed(client.call(Once, { body }, cause()))).message, /kit\/unavailable/);
      down = false;
      const end = performance.now() + 3_000;
      for (;;) {
        try {
          await client.call(Again, { body }, cause());
          break;
        } catch (error) {
          assert.ok(performance.now() < end, "the breaker never closed again");
          assert.ok(isProblem(error, "kit/unavailable"));
          await new Promise((resolve) => {
            setTimeout(resolve, 10);
          });
        }
      }
    },
    { failures: 5, openMs: 50 },
  );
  let down = true;

  callTest(
    "a deadline that passes is told as such, in time",
    () => new Promise(() => {}),
    async ({ client }) => {
      const began = performance.now();
      const thrown = await failed(client.call(Once, { body }, cause({ deadline: runtime.clock.monotonic() + 120 })));
      assert.equal(thrown.code, "kit/deadline-exceeded");
      assert.ok(performance.now() - began < 2_000);
    },
  );

  const gate = Promise.withResolvers<void>();
  callTest(
    "of too many calls at a time the last are refused at once",
    async () => {
      await gate.promise;
      return ok(blank);
    },
    async ({ client, asked }) => {
      const calls = Array.from({ length: 3 }, () => client.call(Again, { body }, cause()));
      const refused = await failed(client.call(Again, { body }, cause()));
      assert.match(refused.message, /kit\/unavailable/);
      gate.resolve();
      await Promise.all(calls);
      assert.equal(asked.length, 3);
    },
    { inFlight: 2, queued: 1 },
  );

  void test(`${way}: the callee validates, authorises and keeps the reply under its key, as for anyone`, async (t) => {
    await using system = await start(errands());
    const client = await connect(t, system.service("errands"));
    const errand = { name: "called", failures: 0, afterMs: 0, fail: false };
    const asked = { body: errand, idempotencyKey: "one" };
    const { status } = await client.call(Ask, asked, cause());
    assert.equal(status, 202);
    await client.call(Ask, asked, cause());
    await system.settled();
    assert.equal((await system.call(Done, {})).body.items.length, 1);
    const wrong = await failed(client.call(Ask, { body: { ...errand, afterMs: -1 } }, cause()));
    assert.equal(wrong.code, "kit/call-failed");
    assert.match(wrong.message, /kit\/invalid-request/);
    const operation = system.service("errands").endpoints.find(({ route }) => route === "GET /dead-letters/errands");
    const denied = await failed(client.call(operation as Endpoint, { query: {} } as never, cause())); // Proof: found by its route.
    assert.match(denied.message, /kit\/forbidden/);
  });
}
const blank = {} as Dispatch; // Proof: `ok` does not look at it.

test("over HTTP: a reply that is too large, or that breaks off, is a failed call", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/callee/large") response.end(JSON.stringify({ said: "x".repeat(5_000) }));
    else {
      response.writeHead(200, { "content-length": "100" });
      response.write("{");
      response.socket?.destroy();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}`;
  const elsewhere = { addressesOf: () => [url], token, maxReplyBytes: 1_000 };
  const client = new Client({ runtime, elsewhere, limits: { attempts: 1 } });
  t.after(() => client.close());
  const large = await failed(client.call(Read, { params: { name: "large" }, query: {} }, cause()));
  assert.match(large.message, /kit\/call-failed/);
  const broken = await failed(client.call(Read, { params: { name: "broken" }, query: {} }, cause()));
  assert.equal(broken.code, "kit/unavailable");
});

test("over HTTP: of two addresses the one that is down costs nothing but a repetition", async (t) => {
  const { service, asked } = callee(ok);
  const up = await serve(t, service);
  const client = new Client({ runtime, elsewhere: { addressesOf: () => ["http://127.0.0.1:1", up], token } });
  t.after(() => client.close());
  for (let at = 0; at < 6; at += 1) await client.call(Read, { params: { name: "x" }, query: {} }, cause());
  assert.equal(asked.length, 6);
});

test("a service that nobody knows is not there now", async () => {
  const client = new Client({ runtime });
  assert.equal(
    (await failed(client.call(Read, { params: { name: "x" }, query: {} }, cause()))).code,
    "kit/unavailable",
  );
});
