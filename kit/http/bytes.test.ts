import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { Client } from "../calls/index.ts";
import { bytes, contracts, docsPage, isProblem, kitProblems, openapi, t } from "../contract/index.ts";
import { parseTraceparent, silentLogger } from "../telemetry/index.ts";
import { service, startupFaults } from "../service/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { badInputs, checkBadInputs, start } from "../testing/index.ts";
import { serveHttp } from "./index.ts";

const { endpoint } = contracts("files");
const Digest = endpoint("POST /digests", {
  summary: "The digest of bytes",
  access: "anyone",
  idempotent: true,
  body: bytes("application/json", "application/octet-stream"),
  replies: { 200: t.Object({ sha256: t.String() }) },
  limits: { bodyBytes: 100_000 },
});
const digestOf = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");
const tables = { digests: table({ sha256: text() }) };
const { handle, assemble } = service("files", {
  store: sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});
const files = assemble(
  { Digest },
  {
    routes: {
      Digest: handle(Digest, async ({ body, db, reply }) => {
        const digest = { sha256: digestOf(body) };
        await db.insertInto("digests").values(digest).execute();
        return reply(200, digest);
      }),
    },
    consumers: [],
  },
);

async function served(t: TestContext) {
  const system = await start(files);
  t.after(() => system[Symbol.asyncDispose]());
  const { runtime } = system;
  const verify = (name: string) =>
    name === "caller" ? Promise.resolve({ kind: "service", name } as const) : Promise.reject(new Error("unknown"));
  const server = await serveHttp({ service: system.service("files"), port: 0, verify, runtime, log: silentLogger });
  t.after(() => server.close(0));
  return { system, url: server.url };
}
/** No text at all, a JSON that would be changed by reading it, half a character. */
const odd = [
  randomBytes(1_000),
  Buffer.from('{ "a": 1.0,\r\n "a": 12345678901234567890 }'),
  Buffer.from([0x22, 0xc3]),
  Buffer.from("\ufeff{}\0"),
];

test("bytes reach the handler as they were sent, whatever they are", async (t) => {
  const { url } = await served(t);
  for (const body of odd)
    for (const type of ["application/json; charset=utf-8", "Application/Octet-Stream"]) {
      const reply = await fetch(`${url}/digests`, { method: "POST", headers: { "content-type": type }, body });
      assert.deepEqual([reply.status, await reply.json()], [200, { sha256: digestOf(body) }]);
    }
});

test("no bytes, too many, bytes of another type and compressed ones are refused", async (t) => {
  const { url } = await served(t);
  const bad = badInputs(Digest, { body: Buffer.from("{") });
  assert.ok(bad.some(({ what }) => what === "the body is too large") && bad.length > 8);
  assert.deepEqual(await checkBadInputs(url, bad), []);
});

test("bytes are called with, in process and over HTTP alike, and an Idempotency-Key tells them apart", async (t) => {
  const { system, url } = await served(t);
  const { runtime } = system;
  const clients = [
    new Client({ runtime }),
    new Client({ runtime, elsewhere: { addressesOf: () => [url], token: (name) => Promise.resolve(name) } }),
  ];
  clients[0]?.add(system.service("files"));
  for (const [at, client] of clients.entries()) {
    t.after(() => client.close());
    const call = (body: Uint8Array, key: number) =>
      client.call(
        Digest,
        { body, idempotencyKey: `key-${String(key)}` },
        {
          handler: "POST /caller",
          service: "caller",
          identity: undefined,
          repeatable: true,
          id: "request-1",
          correlationId: "correlation-1",
          trace: parseTraceparent(undefined, runtime.random),
          caller: undefined,
          deadline: runtime.clock.monotonic() + 5_000,
          signal: new AbortController().signal,
          ordinal: 1,
        },
      );
    for (const [index, body] of odd.entries()) {
      // Both ways, a copy without Buffer's methods is the same body.
      for (const same of [body, new Uint8Array(body)])
        assert.equal((await call(same, index + 1)).body.sha256, digestOf(body), String(at));
      await assert.rejects(call(Buffer.from("other"), index + 1), /kit\/idempotency-key-reused/);
    }
  }
});

test("in a test, what is no bytes is refused as it would be over HTTP", async (t) => {
  const { system } = await served(t);
  for (const body of [new Uint8Array(), "text", {}, undefined])
    await assert.rejects(system.call(Digest, { body: body as Uint8Array }), (error) =>
      isProblem(error, kitProblems.invalidRequest.code),
    );
});

test("bytes are described as such, and media types that are none are found at the start", () => {
  assert.match(
    JSON.stringify(openapi([Digest], { title: "", version: "1" })),
    /"content":\{"application\/json":\{\},"application\/octet-stream":\{\}\}/,
  );
  assert.match(
    docsPage({ title: "", endpoints: [Digest], events: [], problems: [] }),
    /Body: bytes, as application\/json or application\/octet-stream/,
  );
  const Wrong = endpoint("POST /wrong", { ...Digest.spec, body: bytes("application/json; charset=utf-8") });
  const Wrongly = handle(Wrong, ({ reply }) => Promise.resolve(reply(200, { sha256: "" })));
  const wrong = assemble({ Wrong }, { routes: { Wrong: Wrongly }, consumers: [] });
  assert.match(startupFaults([wrong]).join(), /POST \/wrong: a body of bytes has media types without parameters/);
});
