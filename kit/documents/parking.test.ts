import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import type { Batch, Envelope } from "../messaging/index.ts";
import { explore } from "./fixtures/explorer.ts";
import { memoryEngine, type Gate, type Memory } from "./fixtures/memory-engine.ts";
import { began, free, noted, stillRuntime } from "./fixtures/still.ts";
import { collection, openDocuments, type DocumentEngine } from "./index.ts";

/** Messages of one key of which the first fails at first and is parked, so that the others wait behind it, in every course of events within bounds. */
const ledgers = collection("ledgers", { schema: t.Object({ applied: t.Array(t.Integer()) }) });

const message = (number: number): Envelope => noted(`message ${String(number)}`, String(number));
/** The first one succeeds at the third attempt. */
const batch: Batch<object> = {
  subscription: "ledger/noted",
  messages: [1, 2, 3].map((number) => ({ envelope: message(number) })),
  intakeOnly: false,
  afterDeadLetter: "continue",
  async handle({ data }, attempt, unit) {
    const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
    const document = await ledgers.by(() => "d").open(kit, {});
    document.set({ applied: [...(document.value?.applied ?? []), Number(data)] });
    if (Number(data) === 1 && attempt < 3) throw new Error("not yet");
  },
  judge: () => ({ kind: "park", nextAt: began }),
};

type Plant = (engine: DocumentEngine) => DocumentEngine;

function course(plant: Plant, names: readonly string[]) {
  const memory: Memory = new Map();
  /** Opened without a gate: how a store begins is not what is looked at. */
  const open = async (gate: Gate, now = began) => {
    let gated = free;
    const right = memoryEngine(memory, (operation) => gated(operation));
    const engine = gate === free ? right : plant(right);
    const store = await openDocuments(engine, { runtime: stillRuntime(now) }, { ledgers });
    gated = gate;
    return store;
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const work = async (store: Opened, times: number) => {
    for (let time = 0; time < times; time += 1) {
      const due = await store.due(began, 10);
      assert.ok(due.length <= 1, "never two of one key");
      for (const each of due) await store.retry(each, batch);
    }
  };
  const actor = (name: string, run: (store: Opened) => Promise<unknown>) => ({
    name,
    run: async (gate: Gate) => void (await run(await open(gate))),
  });
  return {
    actors: [
      actor("one", (store) => store.takeIn(batch)),
      actor("worker", (store) => work(store, 3)),
      actor("two", (store) => store.takeIn(batch)),
      actor("helper", (store) => work(store, 2)),
    ].filter(({ name }) => names.includes(name)),
    async check() {
      // Later, when the claims of the dead have run out and the sweep has been round: what was not taken in comes again, and what waits is worked off.
      const late = began + 60_000;
      const store = await open(free, late);
      await store.takeIn(batch);
      await store.sweep(late);
      for (let round = 0; round < 20; round += 1)
        for (const each of await store.due(late, 10)) await store.retry(each, batch);
      const found = await memoryEngine(memory, free).get("ledgers", "d");
      assert.deepEqual(found?.["applied"], [1, 2, 3], "each has its effect once, in order");
      assert.equal((await store.depths()).parked, 0, "nothing is left behind");
    },
  };
}

const everyCourse = (names: readonly string[], bounds: { readonly switches: number; readonly crashes: boolean }) =>
  explore(() => course((engine) => engine, names), bounds);

test("what waits behind a parked message keeps its order, whoever dies when, and whoever is held up", async (t) => {
  const courses = await everyCourse(["one", "worker"], { switches: 1, crashes: true });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 100);
});

test("it keeps its order when two take in the same messages and a worker is at them", async (t) => {
  const courses = await everyCourse(["one", "worker", "two"], { switches: 1, crashes: false });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 100);
});

test("it keeps its order when two work them off", async (t) => {
  const courses = await everyCourse(["one", "worker", "helper"], { switches: 1, crashes: false });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 100);
});

test("it is found when nobody looks whether an earlier message of the key waits", async () => {
  const hasty: Plant = (engine) => ({
    ...engine,
    find: async (name, find) =>
      name === "holdfast_parked" && find.limit === 1 && find.sort?.[0] === "order" ? [] : engine.find(name, find),
  });
  await assert.rejects(
    explore(() => course(hasty, ["one", "worker"]), { switches: 0, crashes: false }),
    /in order|never two of one key/,
  );
});
