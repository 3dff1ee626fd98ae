import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Client } from "pg";
import { start, until, type TestSystem } from "../testing/index.ts";
import { dataFolder } from "./fixtures/run-platform.ts";
import { intake, Put, shelf, Take, Taken } from "./fixtures/library.ts";

const unavailable = { code: "kit/unavailable" };
const library = [intake, shelf];

const failing = async ({ system }: TestSystem, service: string): Promise<string> => {
  const found = await system.services.find(({ name }) => name === service)?.unready();
  return (found ?? []).map(({ check, reason }) => `${check}: ${reason}`).join("\n");
};
const take = (system: TestSystem, title: string) => system.call(Take, { body: { title } });
const put = (system: TestSystem, title: string) => system.call(Put, { params: { title } });
/** What the platform has found out within two seconds. */
const looked = async (system: TestSystem, service: string, reason: RegExp): Promise<void> => {
  await system.runtime.advance(2_100);
  await until(`${service} says ${String(reason)}`, async () => reason.test(await failing(system, service)));
};

test("a file that is moved away takes no write from that moment on, and is said and not read within seconds; back in its place all is well", async () => {
  await using system = await start(library, { expectBugs: true });
  const file = (name: string) => path.join(system.data, name);
  await take(system, "one");
  await put(system, "one");
  await system.settled();
  for (const name of ["intake.db", "shelf.db"]) renameSync(file(name), file(`${name}.away`));
  await assert.rejects(take(system, "two"), unavailable);
  await assert.rejects(put(system, "two"), unavailable);
  await looked(system, "intake", /^store: .*intake\.db was removed while it was in use/);
  await looked(system, "shelf", /^store: .*shelf\.db was removed/);
  await assert.rejects(system.call(Taken, {}), unavailable);
  assert.equal(
    system.log.filter(({ level, event }) => level === "critical" && event === "the store cannot be used").length,
    2,
  );
  for (const name of ["intake.db", "shelf.db"]) renameSync(file(`${name}.away`), file(name));
  await looked(system, "intake", /^$/);
  await looked(system, "shelf", /^$/);
  assert.equal((await take(system, "two")).status, 201);
  assert.equal((await put(system, "two")).status, 200);
  assert.deepEqual((await system.call(Taken, {})).body.titles, ["one", "two"]);
});

test("a store that is emptied, replaced, or has lost its log or its folder takes no write, and its service is not ready", async () => {
  for (const [fault, reason] of [
    [(file: string) => truncateSync(file, 0), /was emptied/],
    [
      (file: string) => [copyFileSync(file, `${file}.copy`), renameSync(`${file}.copy`, file)],
      /was replaced by another file/,
    ],
    [(file: string) => rmSync(`${file}-wal`), /has lost its -wal file/],
    [(file: string) => rmSync(path.dirname(file), { recursive: true }), /was removed/],
  ] as const) {
    await using system = await start(library, { expectBugs: true });
    await take(system, "one");
    await put(system, "one");
    await system.settled();
    for (const name of ["intake", "shelf", "broker"])
      if (existsSync(path.join(system.data, `${name}.db`))) fault(path.join(system.data, `${name}.db`));
    await assert.rejects(take(system, "two"), unavailable, String(reason));
    await assert.rejects(put(system, "two"), unavailable, String(reason));
    await looked(system, "intake", new RegExp(`store: .*${reason.source}`));
    await looked(system, "shelf", new RegExp(`broker: .*${reason.source}`));
  }
});

test("a file that is overwritten in its place is noticed within seconds", async () => {
  await using data = await dataFolder();
  {
    await using before = await start(library, { data: data.path });
    await take(before, "zero");
  }
  // What the log had is in the file now.
  await using system = await start(library, { data: data.path, expectBugs: true });
  await take(system, "one");
  writeFileSync(path.join(system.data, "intake.db"), Buffer.alloc(100_000));
  await looked(system, "intake", /^store: .*intake\.db is not an SQLite database/);
  await assert.rejects(take(system, "two"), unavailable);
  await assert.rejects(system.call(Taken, {}), unavailable);
});

test("a folder that has had a store does not start without it, or with another, until it is told to; a new folder starts", async () => {
  await using data = await dataFolder();
  await using elsewhere = await dataFolder();
  const filled = async (folder: string, seed: number) => {
    await using system = await start(library, { data: folder, seed });
    await take(system, "one");
    await put(system, "one");
    await system.settled();
  };
  await filled(data.path, 1);
  await filled(elsewhere.path, 2);
  const starts = async () => {
    await using system = await start(library, { data: data.path });
    return (await system.call(Taken, {})).body.titles;
  };
  for (const name of ["intake", "shelf"]) {
    const file = path.join(data.path, `${name}.db`);
    const kept = `${file}.kept`;
    renameSync(file, kept);
    const forget = path.join(data.path, "stores", `${name}.sqlite`);
    const toGoOn = `Restore that store from a backup\\. To go on with an empty one instead, delete ${forget}`;
    await assert.rejects(starts(), { message: new RegExp(`${file} is missing, .*${toGoOn}`) });
    assert.ok(!existsSync(file), "nothing is made");
    writeFileSync(file, "");
    await assert.rejects(starts(), { message: new RegExp(`${file} is empty, .*${toGoOn}`) });
    copyFileSync(path.join(elsewhere.path, `${name}.db`), file);
    await assert.rejects(starts(), { message: new RegExp(`The store is another one .*${toGoOn}`) });
    rmSync(file);
    renameSync(kept, file);
    assert.deepEqual(await starts(), ["one"]);
  }
  rmSync(path.join(data.path, "intake.db"));
  rmSync(path.join(data.path, "stores/intake.sqlite"));
  assert.deepEqual(await starts(), []);
  assert.deepEqual(readdirSync(path.join(data.path, "stores")).toSorted(), ["intake.sqlite", "shelf.sqlite"]);
  mkdirSync(path.join(data.path, "again"));
});

const postgres = process.env["HOLDFAST_TEST_POSTGRES"];
const required = process.env["HOLDFAST_REQUIRE_ENGINES"] === "1";
const skip = postgres === undefined && !required ? "needs PostgreSQL: HOLDFAST_TEST_POSTGRES names no server" : false;

test(
  "PostgreSQL: emptied tables, a dropped schema and a read-only server are noticed, said and not served from",
  { skip },
  async () => {
    const client = new Client(postgres);
    await client.connect();
    try {
      await client.query("DROP SCHEMA IF EXISTS intake CASCADE");
      await using data = await dataFolder();
      const begin = () => start(library, { data: data.path, storeUrl: postgres ?? "", expectBugs: true });
      {
        await using system = await begin();
        await take(system, "one");
        await client.query("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on");
        await client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'",
        );
        await assert.rejects(take(system, "two"), unavailable);
        await looked(system, "intake", /^store: cannot execute .* in a read-only transaction/);
        assert.deepEqual((await system.call(Taken, {})).body.titles, ["one"]);
        await client.query("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE");
        await client.query("ALTER ROLE CURRENT_USER RESET default_transaction_read_only");
        await client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'",
        );
        await looked(system, "intake", /^$/);
        await take(system, "two");
        await client.query("TRUNCATE intake.holdfast_store");
        await looked(system, "intake", /^store: The store was emptied/);
        await assert.rejects(take(system, "three"), unavailable);
        await client.query("DROP SCHEMA intake CASCADE");
        await looked(system, "intake", /^store: The store was emptied .*does not exist/);
        await assert.rejects(system.call(Taken, {}), unavailable);
      }
      await assert.rejects(begin(), /The store is empty, but this data folder/);
      await assert.rejects(begin(), /The store is empty/, "nothing was made by the first try");
    } finally {
      await client.query("DROP SCHEMA IF EXISTS intake CASCADE");
      await client.end();
    }
  },
);
