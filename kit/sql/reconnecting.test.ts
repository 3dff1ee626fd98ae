import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { Client } from "pg";
import { kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { postgresGround } from "./fixtures/isolation.postgres.ts";
import { snapshot } from "./migrations.ts";
import { sql } from "./sql.ts";
import { integer, table, text } from "./tables.ts";

const { ground, skip } = postgresGround("serializable", { bare: true });
const tables = { notes: table({ name: text().primaryKey(), value: integer() }) };

/** What becomes of the next COMMIT: it is passed on and the answer lost, or it never arrives. */
type Cut = "answer" | "question";

/** A way to the server that can be cut; once cut, the way is barred until it is opened again. */
async function cuttable(t: TestContext, url: string) {
  const to = new URL(url);
  const port = Number(to.port);
  const sockets = new Set<Socket>();
  let cut: Cut | undefined;
  let barred = false;
  let barAfterCut = false;
  const cutAll = () => {
    barred = barAfterCut;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    if (barred) {
      near.destroy();
      return;
    }
    const far = connect(port, to.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (cut === undefined || !bytes.includes("COMMIT\0")) {
        far.write(bytes);
        return;
      }
      const lost = cut;
      cut = undefined;
      if (lost === "question") cutAll();
      else {
        far.removeAllListeners("data");
        // The answer shows that it was committed; nobody else gets to see it.
        far.once("data", cutAll);
        far.write(bytes);
      }
    });
    far.on("data", (bytes) => near.write(bytes));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    cutAll();
    server.close();
  });
  // Proof: it listens on TCP.
  to.port = String((server.address() as AddressInfo).port);
  return {
    url: to.href,
    cutNextCommit(what: Cut, { bar = false } = {}) {
      cut = what;
      barAfterCut = bar;
    },
    cutNow: cutAll,
    bar: (closed: boolean) => {
      barred = closed;
    },
  };
}

async function opened(t: TestContext) {
  const { url, name } = await ground(t);
  const way = await cuttable(t, url);
  const runtime = controlledRuntime();
  const store = await sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }).open({
    name,
    url: way.url,
    durability: "none",
    runtime,
    log: silentLogger,
    onFatal: (error) => assert.fail(String(error)),
  });
  t.after(() => store.close());
  let runs = 0;
  const add = (note: string) =>
    store.unit({
      label: "AddNote",
      deadline: runtime.clock.monotonic() + 10_000,
      work: async ({ access: { db } }) => {
        runs += 1;
        await db.insertInto("notes").values({ name: note, value: 0 }).execute();
      },
    });
  const notes = async () => {
    const client = new Client(url);
    await client.connect();
    try {
      const { rows } = await client.query<{ name: string }>(`SELECT name FROM "${name}".notes ORDER BY name`);
      return rows.map((row) => row.name);
    } finally {
      await client.end();
    }
  };
  return { way, store, runtime, add, notes, runs: () => runs };
}

const options = { skip, timeout: 30_000 };

test("a commit whose answer was lost is found to have happened, and is not done twice", options, async (t) => {
  const { way, add, notes, runs } = await opened(t);
  way.cutNextCommit("answer");
  assert.equal((await add("a")).kind, "committed");
  assert.equal(runs(), 1);
  assert.deepEqual(await notes(), ["a"]);
});

test("a commit that never arrived is found not to have happened, and the unit runs again", options, async (t) => {
  const { way, add, notes, runs } = await opened(t);
  way.cutNextCommit("question");
  assert.equal((await add("a")).kind, "committed");
  assert.equal(runs(), 2);
  assert.deepEqual(await notes(), ["a"]);
});

test("a commit that cannot be looked up is answered with kit/outcome-unknown", options, async (t) => {
  const { way, runtime, add } = await opened(t);
  way.cutNextCommit("answer", { bar: true });
  const ended = assert.rejects(add("a"), { code: kitProblems.outcomeUnknown.code });
  let over = false;
  const watched = ended.finally(() => (over = true));
  while (!over) {
    await runtime.advance(500);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await watched;
});

test("connections lost between units are replaced unnoticed; none to be had is kit/unavailable", options, async (t) => {
  const { way, store, add, notes } = await opened(t);
  await add("a");
  way.cutNow();
  await add("b");
  assert.equal((await store.depths()).outbox, 0);
  way.bar(true);
  way.cutNow();
  way.bar(true);
  await assert.rejects(add("c"), { code: "kit/unavailable" });
  await assert.rejects(store.depths(), { code: "kit/unavailable" });
  way.bar(false);
  await add("d");
  assert.deepEqual(await notes(), ["a", "b", "d"]);
});

test("two processes that start at once make one schema, one set of tables and one identity", options, async (t) => {
  const { url, name } = await ground(t);
  const stores = await Promise.all(
    Array.from({ length: 4 }, (_, at) =>
      sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }).open({
        name,
        url,
        durability: "full",
        runtime: controlledRuntime({ seed: at }),
        log: silentLogger,
        onFatal: (error) => assert.fail(String(error)),
      }),
    ),
  );
  t.after(() => Promise.all(stores.map((store) => store.close())));
  assert.equal(new Set(stores.map(({ id }) => id)).size, 1);
  const leases = await Promise.all(stores.map((store, at) => store.lease("relay", `owner ${String(at)}`, 10_000)));
  assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
});
