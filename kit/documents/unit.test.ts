import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, kitProblems, t } from "../contract/index.ts";
import type { Batch, Envelope, Unit } from "../messaging/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { memoryEngine, type Memory } from "./fixtures/memory-engine.ts";
import { collection, openDocuments, type DocumentEngine } from "./index.ts";
import { Outbox } from "./outbox.ts";

const boxes = collection("boxes", { schema: t.Object({ size: t.Integer(), label: t.Optional(t.Unknown()) }) });
const free = () => Promise.resolve();
const runtime = controlledRuntime();

/** Two stores on the same documents, the second one on an engine of which the test has its own idea. */
async function open(plant: (engine: DocumentEngine) => DocumentEngine = (engine) => engine) {
  const memory: Memory = new Map();
  const planted = plant(memoryEngine(memory, free));
  const store = await openDocuments(planted, { runtime }, { boxes });
  return { store, engine: memoryEngine(memory, free) };
}
type Opened = Awaited<ReturnType<typeof open>>["store"];

const openBox = (unit: Unit<object>, id: string) => {
  const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
  return boxes.by(() => id).open(kit, {});
};
const unit = (store: Opened, work: (unit: Unit<object>) => Promise<string>) =>
  store.unit({ label: "Pack", deadline: runtime.clock.monotonic() + 1_000, work });
const setSize = (size: number) => async (given: Unit<object>) => {
  (await openBox(given, "a")).set({ size });
  return "set";
};
const sizeOf = async (engine: DocumentEngine) => (await engine.get("boxes", "a"))?.["size"];

const envelope = (id: string): Envelope => ({
  id,
  source: "/boxes",
  type: "packed",
  version: 1,
  key: "a",
  time: new Date(0).toISOString(),
  correlationId: "c",
  causationId: undefined,
  traceparent: undefined,
  headers: {},
  data: "{}",
});

test("a unit changes one document, and says so where it is asked for a second", async () => {
  const { store, engine } = await open();
  const two = unit(store, async (given) => {
    (await openBox(given, "a")).set({ size: 1 });
    (await openBox(given, "b")).set({ size: 2 });
    return "both";
  });
  await assert.rejects(two, /Pack opened a second document: a unit changes one; enqueue a job for each of the others/);
  assert.equal(await sizeOf(engine), undefined);
});

test("a document that does not fit its schema, or is no JSON, fails its unit and nothing else", async () => {
  const { store, engine } = await open();
  const wrong = unit(store, async (given) => {
    (await openBox(given, "a")).set({ size: 1.5 });
    return "set";
  });
  await assert.rejects(wrong, /A document of boxes cannot be that: \/size must be integer/);
  const noJson = unit(store, async (given) => {
    (await openBox(given, "a")).set({ size: 1, label: 10n });
    return "set";
  });
  await assert.rejects(noJson, /\/label is no number that is kept exactly/);
  assert.equal(await sizeOf(engine), undefined);
});

test("outside a unit a document can be read, and not be opened", async () => {
  const { store } = await open();
  const { kit } = store.outside as { readonly kit: unknown }; // Proof: given by every store of documents.
  await assert.rejects(boxes.by(() => "a").open(kit, {}), /opened a document of boxes where the store is read-only/);
  const query = store.query({
    label: "Look",
    deadline: 0,
    work: async (given) => (await openBox(given, "a")).value,
  });
  await assert.rejects(query, /Look opened a document of boxes where the store is read-only/);
});

test("a message that has changed nothing is known when it comes again", async () => {
  const { store } = await open();
  let runs = 0;
  const batch: Batch<object> = {
    subscription: "boxes/packed",
    messages: [{ envelope: envelope(runtime.ids.uuidv7()) }],
    intakeOnly: false,
    afterDeadLetter: "continue",
    async handle(_envelope, _attempt, given) {
      await openBox(given, "a");
      runs += 1;
    },
    judge: () => ({ kind: "dead" }),
  };
  await store.takeIn(batch);
  assert.deepEqual(await store.takeIn(batch), { handled: 0, duplicates: 1, parked: 0, dead: 0, discarded: 0 });
  assert.equal(runs, 1);
});

/** A message whose handler opens no document and leaves a job. */
const leavesJob: Batch<object> = {
  subscription: "boxes/packed",
  messages: [{ envelope: envelope("0190f3a0-0000-7000-8000-000000000001") }],
  intakeOnly: false,
  afterDeadLetter: "continue",
  handle(_envelope, _attempt, given) {
    const { id: _id, time: _time, ...job } = envelope("");
    given.enqueue({ ...job, subscription: "boxes/job:label", dueAt: undefined });
    return Promise.resolve();
  },
  judge: () => ({ kind: "pause" }),
};

test("of two instances that handle one message at the same time one commits its job, and the other finds a duplicate", async () => {
  const memory: Memory = new Map();
  const both = Promise.withResolvers<void>();
  let arrived = 0;
  const meet = async (operation: string) => {
    if (operation !== "create holdfast_inbox") return;
    arrived += 1;
    if (arrived === 2) both.resolve();
    await both.promise;
  };
  const instance = () => openDocuments(memoryEngine(memory, meet), { runtime }, { boxes });
  const [one, two] = [await instance(), await instance()];
  const taken = await Promise.all([one.takeIn(leavesJob), two.takeIn(leavesJob)]);
  assert.deepEqual(
    taken.map(({ handled, duplicates }) => `${String(handled)} handled, ${String(duplicates)} known`).toSorted(),
    ["0 handled, 1 known", "1 handled, 0 known"],
  );
  assert.equal((await one.depths()).parked, 1);
});

test("a message whose job a crash has left in its mark is a duplicate only when the job is parked", async () => {
  let healthy = 0;
  const { store } = await open((under) => ({
    ...under,
    async apply(steps) {
      if (steps[0]?.do === "create") {
        await under.apply(steps.slice(0, 1));
        throw new Error("crashed");
      }
      healthy += 1;
      if (healthy === 1) throw new Error("still down");
      return under.apply(steps);
    },
  }));
  await assert.rejects(store.takeIn(leavesJob), /crashed/);
  await assert.rejects(store.takeIn(leavesJob), /still down/);
  assert.equal((await store.takeIn(leavesJob)).duplicates, 1);
  assert.equal((await store.depths()).parked, 1);
});

test("a unit whose answer was lost is committed where its document says so", async () => {
  let lose = false;
  const { store, engine } = await open((under) => ({
    ...under,
    async apply(steps) {
      if (!lose) return under.apply(steps);
      lose = false;
      await under.apply(steps.slice(0, 1));
      throw kitProblems.outcomeUnknown({});
    },
  }));
  lose = true;
  assert.deepEqual(await unit(store, setSize(1)), { kind: "committed", value: "set" });
  // What it carries is settled by the next one.
  await unit(store, setSize(2));
  assert.deepEqual([await sizeOf(engine), (await engine.get("boxes", "a"))?.version], [2, 2]);
});

test("a unit whose answer was lost is of unknown outcome where its document carries nothing, or what another one wrote", async () => {
  let quicker = false;
  const { store, engine } = await open((under) => ({
    ...under,
    async apply(steps) {
      if (steps[0]?.do !== "create") return under.apply(steps);
      // Another one is quicker, writes the very same, and dies before it settles.
      if (quicker)
        await under.apply(
          steps.slice(0, 1).map((step) => {
            const document = "document" in step ? step.document : { _id: "", version: 0 };
            return {
              ...step,
              do: "create" as const,
              document: { ...document, pending: { unit: "other", events: [] } },
            };
          }),
        );
      throw kitProblems.outcomeUnknown({});
    },
  }));
  const unknown = (error: unknown) => isProblem(error, "kit/outcome-unknown");
  await assert.rejects(unit(store, setSize(1)), unknown);
  assert.equal(await sizeOf(engine), undefined);
  quicker = true;
  await assert.rejects(unit(store, setSize(1)), unknown);
  assert.equal(await sizeOf(engine), 1);
});

test("the relay begins anew and meets the rows of a key in their order, whatever has come in front of them", async () => {
  const engine = memoryEngine(new Map(), free);
  const put = (...ids: readonly string[]) =>
    engine.insert(
      "holdfast_outbox",
      ids.map((id) => ({ _id: id, version: 1, envelope: envelope(id) })),
    );
  const outbox = new Outbox(engine);
  await put("b#1", "z#1");
  assert.equal((await outbox.rows(0, 2)).length, 2);
  // It could not publish those; meanwhile others are written, and more of the same key.
  await put("a#1", "a#2", "a#3", "a#4", "z#2");
  const met: string[] = [];
  for (let after = 0; ;) {
    const rows = await outbox.rows(after, 2);
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.seq;
    met.push(...rows.map((row) => row.envelope.id));
  }
  assert.deepEqual(met, ["b#1", "z#1", "a#1", "a#2", "a#3", "a#4", "z#2"]);
  // What another instance has removed is not waited for.
  await engine.remove("holdfast_outbox", ["b#1", "z#1", "a#1"]);
  assert.deepEqual(
    (await outbox.rows(0, 2)).map((row) => row.envelope.id),
    ["a#2", "a#3"],
  );
});

test("what a crash has left while the clock was ahead is settled by the next sweep", async () => {
  const { store, engine } = await open();
  const pendingAt = runtime.clock.now() + 3_650 * 86_400_000;
  const pending = { unit: "u", events: [envelope("left")], jobs: [] };
  await engine.insert("boxes", [{ _id: "a", version: 1, size: 1, pending, pendingAt }]);
  await store.sweep(runtime.clock.now(), { drop: false });
  assert.deepEqual(
    (await store.outbox(0, 10)).map((row) => row.envelope.id),
    ["left"],
  );
});

test("a document whose id would not come back as it was fails its unit", async () => {
  const { store } = await open();
  for (const id of ["a\u0000", "\ud800"])
    await assert.rejects(
      unit(store, async (given) => {
        (await openBox(given, id)).set({ size: 1 });
        return "set";
      }),
      /holds NUL or half a surrogate pair/,
    );
});

test("a key that a crash has left asleep is woken, however many others sleep because a dead letter holds theirs", async () => {
  const { store, engine } = await open();
  const row = (key: string, order: number, error = "") => ({
    _id: `boxes/packed /boxes ${key} ${String(order).padStart(4, "0")}`,
    version: 1,
    subscription: "boxes/packed",
    key,
    order,
    envelope: envelope(`${key} ${String(order)}`),
    attempts: 0,
    error,
    redrive: 0,
  });
  await engine.insert("holdfast_parked", [
    row("held", 0, "held"),
    ...Array.from({ length: 1_200 }, (_, at) => row("held", at + 1)),
    row("stranded", 1),
  ]);
  const now = runtime.clock.now();
  while (await store.sweep(now));
  const due = await store.due(now, 10);
  assert.deepEqual(
    due.map((parked) => parked.envelope.id),
    ["stranded 1"],
  );
});
