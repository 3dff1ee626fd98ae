import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { embeddedBroker } from "../brokers/index.ts";
import { contracts, t } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { service, type Service } from "../service/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { start } from "../testing/index.ts";
import { startSystem } from "./system.ts";

const named = t.Object({ name: t.String() });
const open = { summary: "", access: "anyone", body: named, replies: { 200: named } } as const;
const greeter = contracts("greeter");
const Greet = greeter.endpoint("POST /greetings", open);
const Greeted = greeter.event("greeted", { version: 1, key: "name", summary: "", data: named });
const listener = contracts("listener");
const Shout = listener.endpoint("POST /shouts", open);
const Heard = listener.endpoint("GET /heard", {
  summary: "",
  access: "anyone",
  replies: { 200: t.Object({ names: t.Array(t.String()) }) },
});

const tables = { heard: table({ name: text().primaryKey() }) };
const store = () => sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] });

/** Publishes what it is told; tells `said` when it begins and ends. */
function greeters(said: string[] = []): Service {
  const { handle, assemble } = service("greeter", {
    store: store(),
    resources: () => {
      said.push("greeter has begun");
      return Promise.resolve({ voice: { [Symbol.dispose]: () => void said.push("greeter has ended") } });
    },
    scope: ({ db }) => ({ db }),
  });
  return assemble(
    { Greet, Greeted },
    {
      routes: {
        Greet: handle(Greet, async ({ body, db, publish, reply }) => {
          await db.insertInto("heard").values(body).execute();
          publish(Greeted, body);
          return reply(200, body);
        }),
      },
      consumers: [],
    },
  );
}

/** Hears of what was published, and calls who publishes it. */
function listeners(said: string[] = []): Service {
  const { handle, on, assemble } = service("listener", {
    store: store(),
    resources: () => {
      said.push("listener has begun");
      return Promise.resolve({ ear: { [Symbol.dispose]: () => void said.push("listener has ended") } });
    },
    scope: ({ db }) => ({ db }),
  });
  return assemble(
    { Heard, Shout },
    {
      routes: {
        Heard: handle(Heard, async ({ db, reply }) => {
          const rows = await db.selectFrom("heard").select("name").orderBy("name").execute();
          return reply(200, { names: rows.map(({ name }) => name) });
        }),
        Shout: handle(Shout, {
          prepare: ({ body, call }) => call(Greet, { body: { name: body.name.toUpperCase() } }),
          run: ({ prepared, reply }) => Promise.resolve(reply(200, prepared.body)),
        }),
      },
      consumers: [
        on(Greeted, async ({ data, db }) => {
          await db.insertInto("heard").values(data).execute();
        }),
      ],
    },
  );
}

test("services of one process hear each other's events and call each other without a socket", async () => {
  const said: string[] = [];
  {
    await using system = await start([greeters(said), listeners(said)]);
    assert.equal((await system.call(Shout, { body: { name: "ada" } })).body.name, "ADA");
    await system.call(Greet, { body: { name: "bob" } });
    await system.settled();
    assert.deepEqual((await system.call(Heard, {})).body, { names: ["ADA", "bob"] });
  }
  assert.deepEqual(said.slice(0, 2), ["greeter has begun", "listener has begun"]);
  assert.deepEqual(said.slice(2).toSorted(), ["greeter has ended", "listener has ended"]);
});

test("events that were published while nobody listened are heard at the next start", async (context) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-system-"));
  context.after(() => rm(data, { recursive: true, force: true }));
  {
    await using both = await start([greeters(), listeners()], { data });
    await both.settled();
  }
  {
    await using alone = await start(greeters(), { data });
    await alone.call(Greet, { body: { name: "ada" } });
  }
  await using again = await start([greeters(), listeners()], { data });
  await again.settled();
  assert.deepEqual((await again.call(Heard, {})).body, { names: ["ada"] });
});

test("a system that cannot start closes its broker, which would keep the process alive", async (context) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-system-"));
  context.after(() => rm(data, { recursive: true, force: true }));
  const runtime = controlledRuntime({ seed: 1 });
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    durability: "none",
    runtime,
    log: silentLogger,
  });
  const [storeUrl, documentsUrl] = [`sqlite:${data}`, `sqlite:${data}`];
  const options = { runtime, broker, data, storeUrl, documentsUrl, durability: "none", foreignEvents: [] } as const;
  await assert.rejects(
    startSystem([listeners()], { ...options, log: silentLogger, config: () => ({}), onFatal: assert.ifError }),
    /greeted is consumed, but no service here publishes it/,
  );
  await assert.rejects(broker.read("greeted", 0, 1), /is not open/);
});

test("who stops a system again waits for the first stop", async () => {
  const { system } = await start(greeters());
  const ended: string[] = [];
  await Promise.all([
    system.stop(1_000).then(() => ended.push("first")),
    system.stop(0).then(() => ended.push("second")),
  ]);
  assert.deepEqual(ended, ["first", "second"]);
});

test("a system that stops takes no more requests", async () => {
  const system = await start(greeters());
  const stopped = system[Symbol.asyncDispose]();
  await assert.rejects(system.call(Greet, { body: { name: "late" } }), /shutting down/);
  await stopped;
});
