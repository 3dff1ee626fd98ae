import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { contracts, kitProblems, t } from "../contract/index.ts";
import { serveHttp, frontDoor } from "../http/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { start, until, user } from "../testing/index.ts";
import { service, type ServiceOptions } from "./index.ts";

const { endpoint, event } = contracts("lab");
const Named = t.Object({ name: t.String({ minLength: 1 }) });
const Try = endpoint("POST /tries", { summary: "", access: "anyone", body: Named, replies: { 200: Named } });
const Look = endpoint("GET /tries/{name}", { summary: "", access: "user", replies: { 200: Named } });
const Tried = event("tried", { version: 1, key: "name", summary: "", data: Named });
const tables = { tries: table({ name: text().primaryKey() }) };
const store = () => sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] });

interface Probe {
  readonly said: string[];
  ready: boolean;
  verdict: "dead" | "discard" | undefined;
  /** What the second resource says when it is to end. */
  refusal?: Error;
}

/** A service that tells what is built around it, and when. */
function lab(probe: Probe, given: Partial<Pick<ServiceOptions<object, object, object, never>, "scope">> = {}) {
  const say = (what: string) => void probe.said.push(what);
  const tables = store();
  const { handle, on, assemble } = service("lab", {
    store: {
      ...tables,
      async open(options) {
        const opened = await tables.open(options);
        const close = opened.close.bind(opened);
        return Object.assign(opened, { close: () => close().then(() => say("the store is closed")) });
      },
    },
    resources: ({ signal }) => {
      say("resources");
      signal.addEventListener("abort", () => say("stopping"));
      return Promise.resolve({
        first: { name: "first", [Symbol.dispose]: () => say("first is gone") },
        second: {
          name: "second",
          async [Symbol.asyncDispose]() {
            await Promise.resolve();
            if (probe.refusal !== undefined) throw probe.refusal;
            say("second is gone");
          },
        },
      });
    },
    scope: ({ db, caller }) => ({
      db,
      who: caller?.kind === "user" ? caller.id : "nobody",
      ...given.scope?.({} as never),
    }), // Proof: the test's scopes take nothing.
    around: async ({ handler, caller }, next) => {
      say(`before ${handler} of ${caller?.kind ?? "nobody"}`);
      const result = await next();
      say(`after ${handler}`);
      return result;
    },
    health: {
      disk: () => (probe.ready ? Promise.resolve() : Promise.reject(new Error("it is full"))),
    },
  });
  return assemble(
    { Try, Look, Tried },
    {
      routes: {
        Try: handle(Try, {
          prepare: ({ first, second, who }) => Promise.resolve(`${first.name} ${second.name} ${who}`),
          run: async ({ body, prepared, db, publish, reply, ...rest }) => {
            say(`run with ${prepared}${"first" in rest ? " and resources" : ""}`);
            await db.insertInto("tries").values(body).execute();
            publish(Tried, body);
            return reply(200, body);
          },
        }),
        Look: handle(Look, ({ params, who, reply }) => Promise.resolve(reply(200, { name: `${params.name} ${who}` }))),
      },
      consumers: [
        on(Tried, {
          run: ({ data }) => {
            if (data.name === "bad") throw new Error("never");
            return Promise.resolve();
          },
          retry: {
            judge: () => (probe.verdict === undefined ? undefined : { kind: probe.verdict }),
            attempts: 3,
            baseMs: 1,
            capMs: 2,
          },
        }),
      ],
    },
  );
}
const newProbe = (): Probe => ({ said: [], ready: true, verdict: undefined });

test("around stands around every run, resources reach prepare alone, and go in reverse at the end", async () => {
  const probe = newProbe();
  {
    await using system = await start(lab(probe));
    await system.call(Try, { body: { name: "one" }, as: user("ada") });
    await system.settled();
  }
  assert.deepEqual(probe.said, [
    "resources",
    "before POST /tries of user",
    "run with first second ada",
    "after POST /tries",
    "before lab/tried of service",
    "after lab/tried",
    "stopping",
    "the store is closed",
    "second is gone",
    "first is gone",
  ]);
});

test("what cannot be ended keeps nothing else from its end, and the stop tells of it", async () => {
  const probe = { ...newProbe(), refusal: new Error("not yet") };
  const system = await start(lab(probe));
  await assert.rejects(async () => system[Symbol.asyncDispose](), probe.refusal);
  assert.deepEqual(probe.said, ["resources", "stopping", "the store is closed", "first is gone"]);
});

test("a retry policy may judge for itself", async () => {
  for (const [verdict, dead] of [
    ["dead", 1],
    ["discard", 0],
    [undefined, 1],
  ] as const) {
    const probe = { ...newProbe(), verdict };
    await using system = await start(lab(probe));
    await system.call(Try, { body: { name: "bad" } });
    await system.settled();
    const letters = await system.service("lab").store.deadLetters({ limit: 5 });
    assert.equal(letters.length, dead);
    if (verdict === undefined) assert.equal(letters[0]?.attempts, 3);
    if (verdict === "dead") assert.equal(letters[0]?.attempts, 1);
  }
});

test("a scope that takes a name which every handler is given does not start, the name is told, and what was begun is ended", async (t) => {
  const scope = () => ({ publish: "mine" });
  const temporary = await mkdtemp(path.join(os.tmpdir(), "holdfast-surroundings-"));
  t.after(() => rm(temporary, { recursive: true }));
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = temporary;
  const probe = newProbe();
  try {
    await assert.rejects(start(lab(probe, { scope })), /publish of the scope are given to every handler already/);
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  }
  assert.deepEqual(probe.said, ["resources", "stopping", "the store is closed", "second is gone", "first is gone"]);
  assert.deepEqual(await readdir(temporary), []);
});

test("over HTTP: a check that fails makes the service unready, by name and reason, at its own door and at the front", async (t) => {
  const probe = newProbe();
  await using system = await start(lab(probe));
  const { runtime } = system;
  const verify = () => Promise.reject(new Error("no"));
  const server = await serveHttp({ service: system.service("lab"), port: 0, verify, runtime, log: silentLogger });
  const door = await frontDoor({ services: [server], port: 0, runtime });
  t.after(() => Promise.all([door.close(100), server.close(100)]));
  const ask = async (url: string) => {
    const reply = await fetch(url);
    return [reply.status, JSON.stringify(await reply.json())] as const;
  };
  assert.equal((await ask(`${server.url}/health`))[0], 200);
  probe.ready = false;
  for (const url of [`${server.url}/health/ready`, `${door.url}/health`]) {
    const [status, body] = await ask(url);
    assert.equal(status, 503);
    assert.match(body, /"check":"disk","reason":"it is full"/);
  }
  assert.equal((await ask(`${door.url}/health/live`))[0], 200, "alive all the same");
});

test("over HTTP: the front door knows what is where, and says what is not", async (t) => {
  const probe = newProbe();
  await using system = await start(lab(probe));
  const { runtime } = system;
  const verify = () => Promise.resolve(user("ada"));
  const limits = { bodyBytes: 200, timeoutMs: 5_000 };
  const server = await serveHttp({
    service: system.service("lab"),
    port: 0,
    verify,
    runtime,
    log: silentLogger,
    limits,
  });
  const door = await frontDoor({ services: [server], port: 0, runtime });
  t.after(() => Promise.all([door.close(100), server.close(100)]));
  const headers = { "content-type": "application/json" };
  const ask = async (address: string, init: RequestInit = {}) => {
    const reply = await fetch(`${door.url}${address}`, init);
    const text = await reply.text();
    return { status: reply.status, headers: reply.headers, code: /"code":"([^"]*)"/.exec(text)?.[1], text };
  };
  assert.equal((await ask("/nowhere")).code, kitProblems.notFound.code);
  const wrong = await ask("/tries", { method: "DELETE" });
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
  const looked = await ask("/tries/a%2Fb", { headers: { authorization: "Bearer t", "x-request-id": "mine" } });
  assert.equal(looked.text, '{"name":"a/b ada"}');
  assert.deepEqual([looked.headers.get("x-request-id"), looked.headers.get("cache-control")], ["mine", "no-store"]);
  const head = await ask("/tries/x", { method: "HEAD", headers: { authorization: "Bearer t" } });
  assert.deepEqual([head.status, head.text], [200, ""]);
  const large = await ask("/tries", { method: "POST", headers, body: JSON.stringify({ name: "x".repeat(300) }) });
  assert.equal(large.code, kitProblems.bodyTooLarge.code);
  await until("nothing is left", async () => (await system.service("lab").store.depths()).parked === 0);
});
