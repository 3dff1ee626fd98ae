import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import type { Batch, Envelope } from "../messaging/index.ts";
import type { Step } from "./engine.ts";
import { explore, type Bounds } from "./fixtures/explorer.ts";
import { memoryEngine, type Gate, type Memory } from "./fixtures/memory-engine.ts";
import { began, free, noted, stillRuntime } from "./fixtures/still.ts";
import { collection, openDocuments, type DocumentEngine } from "./index.ts";

/** The protocol of documents in every course of events within bounds, on an engine that does one step at a time. */
const ledgers = collection("ledgers", { schema: t.Object({ applied: t.Array(t.Integer()) }) });
const minute = 60_000;

const prefix = began.toString(16).padStart(12, "0");
const message = (number: number): Envelope =>
  noted(`${prefix.slice(0, 8)}-${prefix.slice(8)}-7000-8000-00000000000${String(number)}`, JSON.stringify({ number }), {
    "x-kept": "ü",
  });
const numberOf = ({ data }: Envelope): number => (JSON.parse(String(data)) as { readonly number: number }).number; // Proof: written above.

/** Each message appends its number to the one document, and says so; `deletes` takes the document away, `fails` never succeeds. */
const batch = (
  numbers: readonly number[],
  how: { readonly deletes?: number; readonly fails?: number } = {},
): Batch<object> => ({
  subscription: "ledger/noted",
  messages: numbers.map((number) => ({ envelope: message(number) })),
  intakeOnly: false,
  afterDeadLetter: "continue",
  async handle(envelope, _attempt, unit) {
    const number = numberOf(envelope);
    const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
    const document = await ledgers.by(() => "d").open(kit, {});
    if (number === how.deletes) document.delete();
    else document.set({ applied: [...(document.value?.applied ?? []), number] });
    const { id: _id, time: _time, ...outgoing } = message(number);
    unit.publish({ ...outgoing, type: "applied", source: "/ledger" });
    if (number === how.fails) throw new Error("poison");
  },
  judge: (_, attempt) => (attempt >= 2 ? { kind: "dead" } : { kind: "park", nextAt: 0 }),
});

/** A wrong engine, or a right one used in a wrong order: what the explorer must find. */
type Plant = (engine: DocumentEngine, memory: Memory) => DocumentEngine;
const right: Plant = (engine) => engine;

/** What the world looks like when everything has healed. */
interface End {
  readonly applied: readonly number[];
  readonly pending: boolean;
  /** In the order of first arrivals at a consumer that knows messages by their ids. */
  readonly published: readonly number[];
  readonly dead: readonly Envelope[];
  readonly outbox: number;
}

/** Two instances take in the same batch, a third one sweeps, a relay carries the outbox to a log. */
function course(given: Batch<object>, check: (end: End) => void, plant: Plant) {
  const memory: Memory = new Map();
  const log: Envelope[] = [];
  /** Opened without a gate: how a store begins is not what is looked at. */
  const open = async (gate: Gate, runtime = stillRuntime()) => {
    let gated = free;
    const engine = plant(
      memoryEngine(memory, (operation) => gated(operation)),
      memory,
    );
    const store = await openDocuments(engine, { runtime }, { ledgers });
    gated = gate;
    return store;
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const carry = async (store: Opened, owner: string) => {
    const lease = await store.lease(owner, owner, minute);
    const rows = await store.outbox(0, 100);
    for (const { envelope } of rows) if (!log.some(({ id }) => id === envelope.id)) log.push(envelope);
    if (lease !== undefined)
      await store.confirm(
        lease,
        rows.map(({ seq }) => seq),
      );
  };
  const actor = (name: string, work: (store: Opened) => Promise<unknown>) => ({
    name,
    run: async (gate: Gate) => void (await work(await open(gate))),
  });
  return {
    actors: [
      actor("one", (store) => store.takeIn(given)),
      actor("two", (store) => store.takeIn(given)),
      actor("sweeper", (store) => store.sweep(began + minute)),
      actor("relay", (store) => carry(store, "relay")),
    ],
    async check() {
      // Whoever is left begins anew: what is pending is settled, the batch comes again, what is parked is worked off, the outbox is carried away.
      // It is later: the claims of the dead have run out.
      const late = began + minute;
      const store = await open(free, stillRuntime(late));
      await store.takeIn(given);
      for (let rounds = 0; ; rounds += 1) {
        const parked = await store.due(late, 10);
        for (const each of parked) await store.retry(each, given);
        if (parked.length === 0) break;
        assert.ok(rounds < 100, "what is parked is worked off");
      }
      await store.sweep(late);
      for (let times = 0; times < 2; times += 1) await carry(store, "healed");
      const [found] = await memoryEngine(memory, free).find("ledgers", { limit: 1 });
      const dead = await store.deadLetters({ limit: 10 });
      check({
        applied: (found?.["applied"] ?? []) as readonly number[], // Proof: written against the schema.
        pending: found?.["pending"] !== undefined,
        published: log.map(numberOf),
        dead: dead.map(({ envelope }) => envelope),
        outbox: (await store.depths()).outbox,
      });
    },
  };
}

interface Exploration extends Bounds {
  readonly given: Batch<object>;
  readonly check: (end: End) => void;
  readonly actors?: readonly string[];
  readonly plant?: Plant;
}
const exploreCourses = ({ given, check, actors, plant = right, ...bounds }: Exploration): Promise<number> =>
  explore(() => {
    const made = course(given, check, plant);
    return { ...made, actors: made.actors.filter(({ name }) => actors?.includes(name) ?? true) };
  }, bounds);

const once = (end: End) => {
  assert.deepEqual(end.applied, [1, 2], "each message has its effect once, in order");
  assert.deepEqual(end.published, [1, 2], "what was committed is published once, in order");
  assert.deepEqual([end.pending, end.dead, end.outbox], [false, [], 0]);
};

test("[invariant 1] [invariant 2] [invariant 4] two instances, a sweep and a relay in every order, one of them held up anywhere", async (t) => {
  const courses = await exploreCourses({ given: batch([1, 2]), check: once, switches: 1, crashes: false });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 400);
});

test("[invariant 1] [invariant 2] [invariant 4] two instances held up twice, anywhere", async (t) => {
  const actors = ["one", "two"];
  const courses = await exploreCourses({ given: batch([1, 2]), check: once, actors, switches: 2, crashes: false });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 250);
});

test("[invariant 1] [invariant 2] [invariant 4] one of them dies at any of its steps, one is held up anywhere", async (t) => {
  const actors = ["one", "two", "relay"];
  const courses = await exploreCourses({ given: batch([1, 2]), check: once, actors, switches: 1, crashes: true });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 2_000);
});

test("[invariant 9] a message that always fails is one dead letter with its bytes, whoever dies when", async (t) => {
  const given = batch([1, 2], { fails: 1 });
  const check = ({ applied, published, dead, outbox }: End) => {
    assert.deepEqual([applied, published, outbox], [[2], [2], 0]);
    assert.deepEqual(dead, [message(1)]);
  };
  const actors = ["one", "two", "sweeper"];
  const courses = await exploreCourses({ given, check, actors, switches: 0, crashes: true });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 50);
});

test("a document that was deleted and made again lets out nothing under an old id", async () => {
  const given = batch([1, 2, 3], { deletes: 2 });
  const check = ({ applied, published }: End) => assert.deepEqual([applied, published], [[3], [1, 2, 3]]);
  await exploreCourses({ given, check, switches: 0, crashes: true, actors: ["one", "relay"] });
});

const found = (plant: Plant, given: Partial<Exploration>) =>
  exploreCourses({ given: batch([1, 2]), check: once, switches: 1, crashes: true, plant, ...given });

test("it is found when the inbox is read before the document", async () => {
  // What a document's reader is told of the inbox is what stood there before the document was read.
  const plant: Plant = (engine, memory) => {
    let before = new Set<string>();
    return {
      ...engine,
      get(name, id) {
        if (name === "ledgers") before = new Set(memory.get("holdfast_inbox")?.keys());
        if (name !== "holdfast_inbox") return engine.get(name, id);
        return before.has(id) ? engine.get(name, id) : engine.get(name, "never");
      },
    };
  };
  await assert.rejects(found(plant, { actors: ["one", "two"], crashes: false }), /each message has its effect once/);
});

test("it is found when versions begin anew after a delete", async () => {
  const plant: Plant = (engine, memory) => ({
    ...engine,
    async apply(steps) {
      const done = await engine.apply(steps);
      const last = steps.at(-1);
      if (last?.do === "replace" && last.document["deleted"] === true)
        memory.get(last.collection)?.delete(last.document._id);
      return done;
    },
  });
  const check = ({ published }: End) => assert.deepEqual(published, [1, 2, 3], "what was committed is published");
  await assert.rejects(
    found(plant, { given: batch([1, 2, 3], { deletes: 2 }), check, actors: ["one", "relay"] }),
    /what was committed is published/,
  );
});

test("it is found when a document is taken for settled before it is", async () => {
  const plant: Plant = (engine) => ({
    ...engine,
    apply(steps) {
      const unset = steps.findLastIndex((step) => isUnset(step));
      const [first, ...rest] = steps.filter((_, at) => at !== unset);
      const early = steps[unset];
      return engine.apply(early === undefined || first === undefined ? steps : [first, early, ...rest]);
    },
  });
  await assert.rejects(
    found(plant, { actors: ["one", "relay"] }),
    /what was committed is published|has its effect once/,
  );
});

const isUnset = (step: Step): boolean =>
  step.do === "replace" && step.collection === "ledgers" && step.document["pending"] === undefined;
