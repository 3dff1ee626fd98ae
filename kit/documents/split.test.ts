import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import type { Batch } from "../messaging/index.ts";
import { explore } from "./fixtures/explorer.ts";
import { memoryEngine, type Gate, type Memory } from "./fixtures/memory-engine.ts";
import { began, free, noted, stillRuntime } from "./fixtures/still.ts";
import { collection, openDocuments, type DocumentEngine } from "./index.ts";

/** A message that is split over two documents by a job for each, in every course of events within bounds. */
const ledgers = collection("ledgers", { schema: t.Object({ applied: t.Array(t.String()) }) });
const parts = ["a", "b"];

const message = noted("not-a-uuid", "{}");
const split: Batch<object> = {
  subscription: "ledger/noted",
  messages: [{ envelope: message }],
  intakeOnly: false,
  afterDeadLetter: "continue",
  handle(_envelope, _attempt, unit) {
    const { key: _key, id: _id, time: _time, ...job } = message;
    for (const data of parts)
      unit.enqueue({ ...job, subscription: "ledger/job:apply", type: "apply", data, dueAt: undefined });
    return Promise.resolve();
  },
  judge: () => ({ kind: "dead" }),
};
/** The job appends its cause to the document that it names. */
const apply: Pick<Batch<object>, "afterDeadLetter" | "handle" | "judge"> = {
  afterDeadLetter: "continue",
  async handle({ data }, _attempt, unit) {
    const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
    const document = await ledgers.by(() => String(data)).open(kit, {});
    document.set({ applied: [...(document.value?.applied ?? []), "noted"] });
  },
  judge: () => ({ kind: "dead" }),
};

type Plant = (engine: DocumentEngine) => DocumentEngine;

function course(plant: Plant) {
  const memory: Memory = new Map();
  /** Opened without a gate: how a store begins is not what is looked at. */
  const open = async (gate: Gate, now = began) => {
    let gated = free;
    const engine = plant(memoryEngine(memory, (operation) => gated(operation)));
    const store = await openDocuments(engine, { runtime: stillRuntime(now) }, { ledgers });
    gated = gate;
    return store;
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const work = async (store: Opened) => {
    const due = await store.due(began, 10);
    for (const each of due) await store.retry(each, apply);
  };
  const actor = (name: string, run: (store: Opened) => Promise<unknown>) => ({
    name,
    run: async (gate: Gate) => void (await run(await open(gate))),
  });
  return {
    actors: [
      actor("one", (store) => store.takeIn(split)),
      actor("worker", work),
      actor("two", (store) => store.takeIn(split)),
    ],
    async check() {
      // Later, when the claims of the dead have run out: the message comes again, and what waits is worked off.
      const late = began + 60_000;
      const store = await open(free, late);
      await store.takeIn(split);
      for (let due = await store.due(late, 10); due.length > 0; due = await store.due(late, 10))
        for (const each of due) assert.equal(await store.retry(each, apply), "handled");
      for (const part of parts) {
        const found = await memoryEngine(memory, free).get("ledgers", part);
        assert.deepEqual(found?.["applied"], ["noted"], `${part} has the effect of the message once`);
      }
      assert.equal((await store.depths()).parked, 0);
    },
  };
}

test("each part of a split message has its effect once, whoever dies when, and whoever is held up", async (t) => {
  const courses = await explore(() => course((engine) => engine), { switches: 1, crashes: true });
  t.diagnostic(`${String(courses)} courses`);
  assert.ok(courses > 300);
});

test("it is found when a job leaves no mark of its own", async () => {
  const forgetful: Plant = (engine) => ({
    ...engine,
    apply: (steps) =>
      engine.apply(
        steps.filter(
          (step) =>
            !(
              step.do === "insert" &&
              step.documents.some(({ _id }) => _id.startsWith("ledger/job:apply")) &&
              step.collection === "holdfast_inbox"
            ),
        ),
      ),
  });
  await assert.rejects(
    explore(() => course(forgetful), { switches: 1, crashes: true }),
    /has the effect of the message once/,
  );
});
