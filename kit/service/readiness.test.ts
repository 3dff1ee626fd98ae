import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { Client } from "pg";
import { t } from "../contract/index.ts";
import { collection, documents } from "../documents/index.ts";
import { mongodb, mongodbSkip } from "../documents/fixtures/mongodb.ts";
import { frontDoor, serveHttp } from "../http/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { snapshot, sql } from "../sql/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { start, until } from "../testing/index.ts";
import { wayTo } from "./fixtures/way.ts";
import { readiness } from "./readiness.ts";
import { service, type Service } from "./service.ts";

const postgres = process.env["HOLDFAST_TEST_POSTGRES"];
const postgresSkip =
  postgres === undefined && process.env["HOLDFAST_REQUIRE_ENGINES"] !== "1"
    ? "needs PostgreSQL: HOLDFAST_TEST_POSTGRES names no server"
    : false;

/** Two services without endpoints, one on each kind of store, under names that nobody else uses. */
function twoServices(id: string): readonly Service[] {
  const tables = service(`tables-${id}`, {
    store: sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] }),
    scope: () => ({}),
  });
  const papers = collection("papers", { schema: t.Object({}) });
  const docs = service(`docs-${id}`, { store: documents({ collections: { papers } }), scope: () => ({}) });
  return [tables, docs].map(({ assemble }) => assemble({}, { routes: {}, consumers: [] }));
}

interface Health {
  readonly status: number;
  readonly ms: number;
  /** Services that are not ready: names of what fails. */
  readonly failing: Readonly<Record<string, string>>;
}

/** Both services behind a front door, on stores at the given addresses. */
async function doors(context: TestContext, stores: { readonly storeUrl?: string; readonly documentsUrl?: string }) {
  const id = randomUUID().slice(0, 8);
  const system = await start(twoServices(id), { ...stores, expectBugs: true });
  const { runtime } = system;
  const verify = () => Promise.reject(new Error("nobody asks"));
  const servers = await Promise.all(
    system.system.services.map((running) =>
      serveHttp({ service: running, port: 0, verify, runtime, log: silentLogger }),
    ),
  );
  const door = await frontDoor({ services: servers, port: 0, runtime });
  context.after(async () => {
    await Promise.all([door, ...servers].map((server) => server.close(100)));
    await system[Symbol.asyncDispose]();
  });
  const ask = async (url: string): Promise<Health> => {
    const begun = performance.now();
    const reply = await fetch(`${url}/health/ready`);
    const body = (await reply.json()) as { services?: readonly object[] }; // Proof: see `addPages`.
    const states = body.services ?? [body];
    const failing = states.flatMap((state): [string, string][] => {
      const found = state as { service: string; failing: readonly { check: string; reason: string }[] }; // Proof: as above.
      return found.failing.map(({ check, reason }) => [found.service.split("-")[0] ?? "", `${check}: ${reason}`]);
    });
    return { status: reply.status, ms: performance.now() - begun, failing: Object.fromEntries(failing) };
  };
  return { id, urls: [door.url, ...servers.map(({ url }) => url)], ask };
}

async function readyWithout(context: TestContext, which: "storeUrl" | "documentsUrl", address: string) {
  const way = await wayTo(context, address);
  const { id, urls, ask } = await doors(context, { [which]: way.url });
  const [door = "", tables = "", docs = ""] = urls;
  const [name, own, other] = which === "storeUrl" ? ["tables", tables, docs] : ["docs", docs, tables];
  assert.deepEqual([(await ask(door)).status, (await ask(own)).status], [200, 200]);
  for (const [state, reason] of [
    // A driver that is still waiting for its old connection has not noticed yet.
    ["shut", /^store: The (document )?store (cannot be re(ad|ached)|does not answer)/],
    ["silent", /^store: The store does not answer/],
  ] as const) {
    way.set(state);
    for (const { status, ms, failing } of await Promise.all([ask(own), ask(door)])) {
      assert.deepEqual([status, Object.keys(failing)], [503, [name]]);
      assert.match(failing[name] ?? "", reason);
      assert.ok(ms < 3_000, `${state}: ${String(ms)} ms`);
    }
    assert.equal((await ask(other)).status, 200, "another service's store");
    way.set("open");
    await until("it is ready again", async () => (await ask(door)).status === 200);
  }
  return id;
}

test(
  "while PostgreSQL is down or silent its services are not ready, and say so within moments",
  { skip: postgresSkip },
  async (t) => {
    const id = await readyWithout(t, "storeUrl", postgres ?? "");
    const client = new Client(postgres);
    await client.connect();
    await client.query(`DROP SCHEMA "tables-${id}" CASCADE`);
    await client.end();
  },
);

test(
  "while MongoDB is down or silent its services are not ready, and say so within moments",
  { skip: mongodbSkip },
  async (t) => {
    await readyWithout(t, "documentsUrl", mongodb ?? "");
  },
);

test("checks run side by side for a second at most, once for all who ask at the same time", async () => {
  const runtime = controlledRuntime();
  let runs = 0;
  const never = () => new Promise<undefined>(() => {});
  const ask = readiness(runtime, [
    ["well", () => Promise.resolve(undefined)],
    ["none", () => undefined],
    ["silent", never],
    ["silent too", never],
    ["bad", () => Promise.resolve(`run ${String((runs += 1))}`)],
    ["thrown", () => Promise.reject(new Error("it is broken"))],
  ]);
  const asked = [ask(), ask()];
  await runtime.advance(1_000);
  for (const failing of await Promise.all(asked))
    assert.deepEqual(
      failing.map(({ check, reason }) => `${check}: ${reason}`),
      [
        "silent: There was no answer within 1000 ms.",
        "silent too: There was no answer within 1000 ms.",
        "bad: run 1",
        "thrown: it is broken",
      ],
    );
  const again = ask();
  await runtime.advance(1_000);
  assert.match((await again)[2]?.reason ?? "", /run 2/);
});
