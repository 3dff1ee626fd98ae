import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { contracts, findProblem, t } from "../contract/index.ts";
import { mongodb, starter } from "../documents/fixtures/mongodb.ts";
import * as onDocuments from "../documents/fixtures/notes.ts";
import { documents } from "../documents/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { operator, start as startSystem, until, type TestSystem } from "../testing/index.ts";
import * as onSql from "./fixtures/notes.ts";
import { service, type Service, type StoreSpec } from "./index.ts";

const { Applied, TakeNote } = onSql;
const tables = { rows: table({ id: text().primaryKey() }) };
/** The same services on every kind of store. */
const stores = [
  { name: "sql", storeUrl: undefined, notes: onSql.notes, tally: onSql.tally },
  { name: "documents", storeUrl: undefined, notes: onDocuments.notes, tally: onDocuments.tally },
  ...(mongodb === undefined
    ? []
    : [{ name: "documents on MongoDB", notes: onDocuments.notes, tally: onDocuments.tally, storeUrl: mongodb }]),
];
const kinds: readonly { readonly name: string; readonly store: StoreSpec<object> }[] = [
  { name: "sql", store: sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }) },
  { name: "documents", store: documents({ collections: {} }) },
];

async function keptFolder(t: TestContext): Promise<string> {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-letters-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  return data;
}
const take = (system: TestSystem, number: number, failures = 0) =>
  system.call(TakeNote, { body: { topic: "red", number, failures } });
const applied = async (system: TestSystem) => (await system.call(Applied, {})).body.items.map(({ number }) => number);
const letterOf = async (system: TestSystem, name: string) =>
  (await system.service(name).store.deadLetters({ limit: 2 }))[0];
const dead = (system: TestSystem, name: string, redrive = 0) =>
  until(`it is dead after redrive ${String(redrive)}`, async () => {
    const letter = await letterOf(system, name);
    return letter?.state === "dead" && letter.redrive === redrive;
  });
async function redrive(system: TestSystem, name: string): Promise<void> {
  const { store } = system.service(name);
  assert.equal(await store.redrive((await letterOf(system, name))?.id ?? "", "ada", undefined), true);
}

for (const { name, notes, tally, storeUrl } of stores) {
  const start = starter(storeUrl);
  for (const [before, after] of [
    ["hold", "continue"],
    ["continue", "hold"],
  ] as const)
    test(`${name}: a letter that died under "${before}" and again under "${after}" can be redriven, and lets go of what waits`, async (t) => {
      const data = await keptFolder(t);
      {
        await using first = await start([notes, tally({ afterDeadLetter: before, attempts: 2 })], { data });
        await take(first, 1, 3);
        await dead(first, "tally");
      }
      {
        await using second = await start([notes, tally({ afterDeadLetter: after, attempts: 2 })], { data });
        await redrive(second, "tally");
        await dead(second, "tally", 1);
        assert.equal((await letterOf(second, "tally"))?.holdsKey, after === "hold");
      }
      await using third = await start([notes, tally({ afterDeadLetter: after, attempts: 9 })], { data });
      await take(third, 2);
      if (after === "continue") await third.settled();
      await redrive(third, "tally");
      await third.settled();
      assert.deepEqual(await applied(third), after === "hold" ? [1, 2] : [2, 1]);
      assert.equal((await letterOf(third, "tally"))?.state, "handled");
    });
}

/** Hears of `counted`, in the form that it is given, and asks the world. */
function asker(
  store: StoreSpec<object>,
  { ask, known = false }: { ask: (key: string) => Promise<void>; known?: boolean },
): Service {
  const data = t.Object({ id: t.String(), ...(known ? {} : { missing: t.String() }) });
  const Counted = contracts("counts").event("counted", { version: 1, key: "id", summary: "", data });
  const { on, assemble } = service("asker", { store, scope: () => ({}) });
  const consumer = on(Counted, {
    prepare: ({ effect }) => effect("ask", ask),
    run: () => Promise.resolve(),
    retry: {
      attempts: 2,
      baseMs: 20,
      judge: (error, attempt) =>
        error instanceof Error && error.message === "never mind" && attempt > 1 ? { kind: "discard" } : undefined,
    },
    effectKeys: ({ id }) => [`ask-${id}`],
  });
  return assemble({}, { routes: {}, consumers: [consumer] });
}

for (const { name, store } of kinds) {
  test(`${name}: a letter names the effects of its last attempt, those that it declares and those that were handed out, and is not given up without a note`, async (t) => {
    const data = await keptFolder(t);
    const keys = new Set<string>();
    const ask = (key: string) => Promise.reject(keys.add(key) && new Error("no answer"));
    {
      await using before = await startSystem(asker(store, { ask }), { data });
      await before.inject({ type: "counted", key: "a", data: `{"id":"a"}` });
      await dead(before, "asker");
      assert.deepEqual((await letterOf(before, "asker"))?.effectKeys, []);
    }
    await using after = await startSystem(asker(store, { ask, known: true }), { data });
    await redrive(after, "asker");
    await dead(after, "asker", 1);
    assert.deepEqual((await letterOf(after, "asker"))?.effectKeys, ["ask-a", ...keys]);
    assert.equal(keys.size, 1, "the same in every attempt");
    const discard = after.service("asker").endpoints.find(({ route }) => route.endsWith("/discard"));
    const id = (await letterOf(after, "asker"))?.id;
    const say = (body: object) => after.call(discard as never, { params: { id }, body, as: operator() } as never); // Proof: found by its route.
    await assert.rejects(say({}), (error) => findProblem(error)?.code === "kit/invalid-request");
    assert.equal(
      (await letterOf(after, "asker"))?.state,
      "dead",
      "nobody gives up without a word what the world may have been asked",
    );
    await say({ note: "the world knows nothing of its keys" });
    assert.equal((await letterOf(after, "asker"))?.state, "discarded");
  });

  test(`${name}: what is too old to be told from a duplicate is not handled by a consumer with a prepare either`, async () => {
    const asked: string[] = [];
    const ask = (key: string) => Promise.resolve(void asked.push(key));
    await using system = await startSystem(asker(store, { ask, known: true }));
    const old = { id: system.runtime.ids.uuidv7(), type: "counted", key: "a", data: `{"id":"a"}` };
    await system.inject(old);
    await system.settled();
    const { store: kept } = system.service("asker");
    while (await kept.sweep(system.runtime.clock.now() + 8 * 86_400_000));
    await system.inject(old);
    await until("it is dead", async () => (await letterOf(system, "asker"))?.code === "kit/too-old");
    assert.equal(asked.length, 1);
  });

  test(`${name}: a parked message that its consumer discards is on record in the log`, async () => {
    const ask = () => Promise.reject(new Error("never mind"));
    await using system = await startSystem(asker(store, { ask, known: true }));
    const id = await system.inject({ type: "counted", key: "a", data: `{"id":"a"}` });
    await system.settled();
    const said = system.log.filter(({ fields }) => fields["id"] === id).map(({ fields }) => fields["verdict"]);
    assert.deepEqual(said, ["park", "discard"]);
    assert.equal(await letterOf(system, "asker"), undefined);
  });
}
