import assert from "node:assert/strict";
import { test } from "node:test";
import { operator, until, type TestSystem } from "../testing/index.ts";
import { mongodb, starter } from "../documents/fixtures/mongodb.ts";
import * as onDocuments from "../documents/fixtures/notes.ts";
import * as onSql from "./fixtures/notes.ts";

const { Applied, TakeNote } = onSql;
/** The same two services on every kind of store. */
const stores = [
  { name: "sql", storeUrl: undefined, notes: onSql.notes, tally: onSql.tally },
  { name: "documents", storeUrl: undefined, notes: onDocuments.notes, tally: onDocuments.tally },
  ...(mongodb === undefined
    ? []
    : [{ name: "documents on MongoDB", notes: onDocuments.notes, tally: onDocuments.tally, storeUrl: mongodb }]),
];

const applied = async (system: TestSystem, topic: string): Promise<readonly number[]> => {
  const { body } = await system.call(Applied, {});
  return body.items.filter((item) => item.topic === topic).map(({ number }) => number);
};
const take = (system: TestSystem, topic: string, number: number, failures = 0) =>
  system.call(TakeNote, { body: { topic, number, failures } });
const dead = async (system: TestSystem) => system.service("tally").store.deadLetters({ limit: 100 });

for (const { name, notes, tally, storeUrl } of stores) {
  const start = starter(storeUrl);
  test(`[invariant 4] ${name}: messages of a key are applied in commit order, also while one of them is retried and two instances share the work`, async () => {
    await using first = await start([notes, tally()]);
    await using second = await start([notes, tally()], { data: first.data, runtime: first.runtime });
    const topics = ["red", "green", "blue"];
    for (let number = 0; number < 30; number += 1) {
      const system = number % 2 === 0 ? first : second;
      await Promise.all(topics.map((topic, at) => take(system, topic, number, at === 0 && number % 7 === 3 ? 3 : 0)));
    }
    await first.settled();
    for (const topic of topics)
      assert.deepEqual(
        await applied(second, topic),
        Array.from({ length: 30 }, (_, number) => number),
      );
  });

  test(`[invariant 8] ${name}: a poison message blocks only its key, and ends in the dead letters after its attempts`, async () => {
    await using system = await start([notes, tally({ attempts: 4 })]);
    await take(system, "poisoned", 0, 1_000_000);
    await take(system, "poisoned", 1);
    await take(system, "healthy", 0);
    await until("the other key is applied", async () => (await applied(system, "healthy")).length === 1);
    await until("the poison is dead", async () => (await dead(system)).length === 1);
    await system.settled();
    assert.deepEqual(await applied(system, "poisoned"), [1], "with `continue` what waited behind it flows on");
    const [letter] = await dead(system);
    assert.equal(letter?.attempts, 4);
  });

  test(`[invariant 9] ${name}: a dead letter keeps bytes and headers, its redrive is idempotent and on record`, async () => {
    await using system = await start([notes, tally()]);
    const bytes = Uint8Array.from([0xff, 0x00, 0x7b, 0xc3]);
    const headers = { "x-origin": "elsewhere", "x-odd": "ü" };
    const id = await system.inject({ type: "noted", key: "odd", data: bytes, headers });
    await until("it is dead", async () => (await dead(system)).length === 1);
    const [letter] = await dead(system);
    assert.ok(letter !== undefined);
    assert.equal(letter.envelope.id, id);
    assert.deepEqual(letter.envelope.headers, headers);
    assert.deepEqual(new Uint8Array(Buffer.from(letter.envelope.data as Uint8Array)), bytes); // Proof: what is not UTF-8 stays bytes.
    const { store } = system.service("tally");
    assert.equal(await store.redrive(letter.id, "ada", "the producer was mended"), true);
    assert.equal(
      await store.redrive(letter.id, "ada", "again"),
      false,
      "a redrive of what is redriven changes nothing",
    );
    await until("it is dead again", async () => (await store.deadLetter(letter.id))?.state === "dead");
    assert.equal((await store.deadLetter(letter.id))?.redrive, 1);
    assert.equal(await store.discard(letter.id, "ada", "given up"), true);
    assert.equal(await store.discard(letter.id, "ada", "again"), false);
    const audit = await store.audit(letter.id);
    assert.deepEqual(
      audit.map(({ action, actor, note }) => [action, actor, note]),
      [
        ["died", "holdfast", "kit/undecodable-message"],
        ["redriven", "ada", "the producer was mended"],
        ["died", "holdfast", "kit/undecodable-message"],
        ["discarded", "ada", "given up"],
      ],
    );
  });

  test(`${name}: with "hold" a key stays parked behind its dead letter until a redrive, and then goes on in order`, async () => {
    await using system = await start([notes, tally({ afterDeadLetter: "hold", attempts: 3 })]);
    await take(system, "held", 0, 4);
    await take(system, "held", 1);
    await take(system, "free", 0);
    await until("the first is dead", async () => (await dead(system)).length === 1);
    await take(system, "held", 2);
    await until("the other key flows", async () => (await applied(system, "free")).length === 1);
    await until("the third waits", async () => (await system.service("tally").store.depths()).parked === 3);
    assert.deepEqual(await applied(system, "held"), []);
    const [letter] = await dead(system);
    assert.ok(letter !== undefined);
    await system.service("tally").store.redrive(letter.id, "ada", undefined);
    await until(
      "it is dead once more",
      async () => (await system.service("tally").store.deadLetter(letter.id))?.state === "dead",
    );
    assert.deepEqual(await applied(system, "held"), []);
    await system.service("tally").store.discard(letter.id, "ada", "hopeless");
    await system.settled();
    assert.deepEqual(await applied(system, "held"), [1, 2]);
  });

  test(`${name}: a redriven message of a healed cause is handled once, and the letter says so`, async () => {
    let broken = true;
    await using system = await start([notes, tally({ attempts: 2, broken: () => broken })]);
    await take(system, "late", 0);
    await until("it is dead", async () => (await dead(system)).length === 1);
    const [letter] = await dead(system);
    assert.ok(letter !== undefined);
    broken = false;
    const { endpoints, store } = system.service("tally");
    const endpoint = endpoints.find(({ route }) => route === "POST /dead-letters/tally/{id}/redrive");
    assert.ok(endpoint !== undefined);
    const redrive = () => system.call(endpoint, { params: { id: letter.id }, body: {}, as: operator() } as never); // Proof: the endpoint was found by its route.
    await redrive();
    await until("it is handled", async () => (await store.deadLetter(letter.id))?.state === "handled");
    await redrive();
    await system.settled();
    assert.deepEqual(await applied(system, "late"), [0]);
    const audit = await store.audit(letter.id);
    assert.deepEqual(
      audit.map(({ action, actor }) => [action, actor]),
      [
        ["died", "holdfast"],
        ["redriven", "operator"],
        ["handled", "holdfast"],
      ],
    );
  });

  test(`${name}: a consumer with prepare asks outside the transaction, one message of a key at a time, and slow keys hold up nobody else`, async () => {
    const began: string[] = [];
    const slow = Promise.withResolvers<void>();
    const prepare = async ({ topic, number }: { readonly topic: string; readonly number: number }) => {
      began.push(`${topic} ${String(number)}`);
      if (topic === "slow") await slow.promise;
    };
    await using system = await start([notes, tally({ prepare })]);
    await take(system, "slow", 0);
    await take(system, "slow", 1);
    await take(system, "quick", 0);
    await until("the quick key is applied", async () => (await applied(system, "quick")).length === 1);
    assert.deepEqual(
      began.filter((entry) => entry.startsWith("slow")),
      ["slow 0"],
    );
    slow.resolve();
    await system.settled();
    assert.deepEqual(await applied(system, "slow"), [0, 1]);
  });

  test(`[invariant 14] ${name}: a duplicate is caught by the inbox`, async () => {
    await using system = await start([notes, tally()]);
    const envelope = {
      id: system.runtime.ids.uuidv7(),
      type: "noted",
      key: "twin",
      data: JSON.stringify({ topic: "twin", number: 0, failures: 0 }),
    };
    await system.inject(envelope);
    await system.inject(envelope);
    await system.inject({ ...envelope, id: "not-a-uuid" });
    await system.inject({ ...envelope, id: "not-a-uuid" });
    await system.settled();
    assert.deepEqual(await applied(system, "twin"), [0, 0]);
  });
}
