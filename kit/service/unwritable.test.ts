import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { findProblem } from "../contract/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start, until, type TestSystem } from "../testing/index.ts";
import { Asked, documentOutlets, List, outlets, Put, type OutletsOptions } from "./fixtures/outlets.ts";

const storeUrl = process.env["HOLDFAST_TEST_POSTGRES"] ?? "";
const foreign = { foreignEvents: [Asked.name], expectBugs: true } as const;

/** Rows that the engine refuses when a group writes what its units let out ("poison"), at its commit ("late"), or by ending the transaction ("gone"). */
const onTables = `
  CREATE TABLE nowhere (id INTEGER PRIMARY KEY);
  CREATE TABLE late (id INTEGER REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED);
  CREATE TRIGGER poison BEFORE INSERT ON holdfast_outbox WHEN NEW.data LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'planted'); END;
  CREATE TRIGGER late AFTER INSERT ON holdfast_outbox WHEN NEW.data LIKE '%late%' BEGIN INSERT INTO late VALUES (1); END;
  CREATE TRIGGER gone AFTER INSERT ON puts WHEN NEW.text LIKE '%gone%' BEGIN SELECT RAISE(ROLLBACK, 'planted'); END;
`;
const onPostgres = `
  CREATE FUNCTION outlets.planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
  CREATE TRIGGER poison BEFORE INSERT ON outlets.holdfast_outbox FOR EACH ROW WHEN (NEW.data LIKE '%poison%') EXECUTE FUNCTION outlets.planted();
  CREATE CONSTRAINT TRIGGER late AFTER INSERT ON outlets.holdfast_outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.data LIKE '%late%') EXECUTE FUNCTION outlets.planted();
`;
const onDocuments = `
  CREATE TRIGGER poison BEFORE INSERT ON holdfast_outbox WHEN NEW.doc LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'planted'); END;
  CREATE TRIGGER gone BEFORE INSERT ON holdfast_outbox WHEN NEW.doc LIKE '%gone%' BEGIN SELECT RAISE(ROLLBACK, 'planted'); END;
`;
const plant = (system: TestSystem, sql: string) => {
  const db = new DatabaseSync(path.join(system.data, "outlets.db"), { timeout: 5_000 });
  db.exec(sql);
  db.close();
};

const texts = async (system: TestSystem) => (await system.call(List, {})).body.texts;
const ask = (system: TestSystem, text: string) =>
  system.inject({ type: Asked.name, key: text, data: JSON.stringify({ text }) });
const dead = (system: TestSystem) => system.service("outlets").store.deadLetters({ limit: 10 });

async function blamesTheCulprit(system: TestSystem, kinds: readonly string[]): Promise<void> {
  const good = Array.from({ length: 12 }, (_, at) => `good ${String(at).padStart(2, "0")}`);
  const put = (text: string) =>
    system.call(Put, { body: { text }, idempotencyKey: `of ${text}` }).then(
      ({ status }) => String(status),
      (error: unknown) => findProblem(error)?.code,
    );
  const among = [...good.slice(0, 6), ...kinds, ...good.slice(6)];
  const answers = await Promise.all(among.map(put));
  assert.deepEqual(
    answers,
    among.map((text) => (kinds.includes(text) ? "kit/internal" : "201")),
    "requests that share a transaction",
  );
  const asked = [...good.slice(0, 6).map((text) => `asked ${text}`), ...kinds.map((kind) => `asked ${kind}`)];
  const after = good.slice(6).map((text) => `asked ${text}`);
  await Promise.all([...asked, ...after].map((text) => ask(system, text)));
  await until("those at fault are dead letters", async () => (await dead(system)).length === kinds.length);
  await system.settled();
  for (const { code, attempts, error } of await dead(system))
    assert.deepEqual([code, attempts, /planted|FOREIGN KEY/.test(error)], ["kit/handler-failed", 3, true], error);
  const kept = await texts(system);
  assert.deepEqual(kept.toSorted(), [...good, ...good.map((text) => `asked ${text}`)].toSorted());
}

test("what one unit cannot write fails that unit alone, as its own fault: requests as 500, messages by attempts and a dead letter", async () => {
  await using system = await start(outlets(), foreign);
  plant(system, onTables);
  await blamesTheCulprit(system, ["poison", "late", "gone"]);
});

const fresh = async (t: TestContext) => {
  const clear = () => tidy("DROP SCHEMA IF EXISTS outlets CASCADE");
  await clear();
  t.after(clear);
};

for (const isolation of ["read committed", "serializable"] as const)
  test(`the same on PostgreSQL, ${isolation}`, { skip: postgresSkip }, async (t) => {
    await fresh(t);
    await using system = await start(outlets({ isolation }), { ...foreign, storeUrl });
    await tidy(onPostgres);
    await blamesTheCulprit(system, ["poison", "late"]);
  });

test("the same on documents", async () => {
  await using system = await start(documentOutlets(), foreign);
  plant(system, onDocuments);
  await blamesTheCulprit(system, ["poison", "gone"]);
});

test("where what is done in place of a dead letter cannot be written either, there is a dead letter that tells of both", async () => {
  const options: OutletsOptions = { exhausted: "poison, too" };
  await using system = await start(outlets(options), foreign);
  plant(system, onTables);
  await ask(system, "poison");
  await ask(system, "good");
  await until("it is dead", async () => (await dead(system)).length === 1);
  await system.settled();
  assert.match((await dead(system))[0]?.error ?? "", /planted; and then its exhausted failed: .*planted/);
  assert.deepEqual(await texts(system), ["good"]);
});

test("effect keys that are none do not keep a dead letter from being written", async () => {
  for (const [given, kept] of [
    [[1n], ["1"]],
    [42, []],
  ]) {
    const effectKeys = () => given as never; // Proof: what somebody without types may give.
    await using system = await start(outlets({ effectKeys }), foreign);
    await ask(system, "throw");
    await until("it is dead", async () => (await dead(system)).length === 1);
    assert.deepEqual((await dead(system))[0]?.effectKeys, kept);
  }
});

async function keepsOddTexts(system: TestSystem): Promise<void> {
  const name = "two halves";
  await ask(system, "throw");
  // As a foreign producer may send it: its id is text that UTF-8 does not have.
  await system.inject({ id: "half \ud800", type: Asked.name, key: name, data: JSON.stringify({ text: name }) });
  await until("one is dead, the other handled", async () => {
    const kept = await texts(system);
    return (await dead(system)).length === 1 && kept.includes(name);
  });
  await system.settled();
  const [letter] = await dead(system);
  assert.deepEqual([letter?.attempts, letter?.error], [3, "Error: \uFFFD and half a pair: \uFFFD"]);
}

test("an error whose text no store can hold is kept with U+FFFD in its place, and a message with such an id is handled", async () => {
  await using system = await start(outlets(), foreign);
  await keepsOddTexts(system);
});

test("the same texts on PostgreSQL", { skip: postgresSkip }, async (t) => {
  await fresh(t);
  await using system = await start(outlets(), { ...foreign, storeUrl });
  await keepsOddTexts(system);
});

/** A way to the server that can be barred: its connections end, and no others are made. */
async function wayTo(t: TestContext, url: string) {
  const to = new URL(url);
  const { port, hostname } = to;
  const sockets = new Set<Socket>();
  let barred = false;
  const server = createServer((near) => {
    if (barred) return void near.destroy();
    const far = connect(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket.on("error", () => {}).on("close", () => other.destroy()));
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  // Proof: it listens on TCP.
  to.port = String((server.address() as AddressInfo).port);
  to.hostname = "127.0.0.1";
  return {
    url: to.href,
    bar: () => {
      barred = true;
      cut();
    },
    open: () => {
      barred = false;
    },
  };
}

/** States that look like a conflict or an outage when a unit has them for itself, each raised by a row whose text ends with it. */
const outageStates = ["55P03", "40001", "53200", "25006"];
const ownOutages = `
  CREATE FUNCTION outlets.own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.text LIKE '%backend' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    RAISE EXCEPTION USING MESSAGE = 'planted', ERRCODE = right(NEW.text, 5);
  END $$;
  CREATE TRIGGER own BEFORE INSERT ON outlets.puts FOR EACH ROW WHEN (NEW.text LIKE 'own%') EXECUTE FUNCTION outlets.own();
`;

test(
  "a message that alone fails each time with a conflict or an error of an outage becomes a dead letter, and others go on",
  { skip: postgresSkip },
  async (t) => {
    await fresh(t);
    await using system = await start(outlets(), { ...foreign, storeUrl });
    await tidy(ownOutages);
    const own = [...outageStates, "backend"].map((state) => `own ${state}`);
    const good = Array.from({ length: 6 }, (_, at) => `good ${String(at)}`);
    await Promise.all([...good.slice(0, 3), ...own, ...good.slice(3)].map((text) => ask(system, text)));
    await until("those at fault are dead letters", async () => (await dead(system)).length === own.length);
    await system.settled();
    for (const { attempts, error } of await dead(system))
      assert.deepEqual([attempts, /planted|terminat|lost/.test(error)], [3, true], error);
    assert.deepEqual((await texts(system)).toSorted(), good);
  },
);

test(
  "a message uses up no attempts while nothing can be written, nor while no connection to the server is possible",
  { skip: postgresSkip },
  async (t) => {
    await fresh(t);
    const way = await wayTo(t, storeUrl);
    await using system = await start(outlets(), { ...foreign, storeUrl: way.url });
    const paused = () => system.log.filter(({ event }) => event.startsWith("messages are not taken in")).length;
    // What every transaction of the service needs is refused with the same error.
    await tidy(`${ownOutages}
      CREATE FUNCTION outlets.down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING MESSAGE = 'down', ERRCODE = '53200'; END $$;
      CREATE TRIGGER down BEFORE UPDATE ON outlets.holdfast_store FOR EACH ROW EXECUTE FUNCTION outlets.down();`);
    await ask(system, "own 53200");
    await until("the consumer pauses", () => paused() === 1);
    const { parked, dead: letters } = await system.service("outlets").store.depths();
    assert.deepEqual([parked, letters], [0, 0]);
    await tidy("DROP TRIGGER down ON outlets.holdfast_store; DROP TRIGGER own ON outlets.puts");
    await until("it is handled", async () => (await texts(system)).length === 1);
    way.bar();
    await ask(system, "while it is down");
    await until("the consumer pauses again", () => paused() === 2);
    way.open();
    await until("the other is handled", async () => (await texts(system)).length === 2);
    assert.deepEqual(await dead(system), []);
    assert.deepEqual(
      system.log.filter(({ event }) => event === "message failed"),
      [],
    );
  },
);
