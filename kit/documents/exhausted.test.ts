import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import type { Batch, Envelope, Exhausted, Unit } from "../messaging/index.ts";
import { explore } from "./fixtures/explorer.ts";
import { memoryEngine, type Gate, type Memory } from "./fixtures/memory-engine.ts";
import { began, free, noted, stillRuntime } from "./fixtures/still.ts";
import { collection, openDocuments } from "./index.ts";

/** What is done in place of a dead letter, with a crash at every step: a message has its effect, or that of its `exhausted`, or a letter; one of them, once. */
const ledgers = collection("ledgers", { schema: t.Object({ applied: t.Array(t.String()) }) });

type Opened = Awaited<ReturnType<typeof openDocuments>>;
type How = Parameters<Opened["retry"]>[1];

async function apply(unit: Unit<object>, what: string): Promise<void> {
  const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
  const document = await ledgers.by(() => "d").open(kit, {});
  document.set({ applied: [...(document.value?.applied ?? []), what] });
}
/** A unit that changes a document, or one that has none and leaves it to a job. */
type Form = (unit: Unit<object>, what: string) => Promise<void>;
const forms: Readonly<Record<string, Form>> = {
  "with a document": apply,
  "with jobs alone": (unit, data) => {
    const { key: _key, id: _id, time: _time, ...job } = noted("any", data);
    return Promise.resolve(unit.enqueue({ ...job, subscription: "ledger/job:apply", dueAt: undefined }));
  },
};

interface Given {
  readonly form: Form;
  /** Times that the handler fails, and how often it is tried. */
  readonly failures: number;
  readonly attempts: number;
  /** Times that `exhausted` fails. @default 0 */
  readonly lastFailures?: number;
}

function batch({
  form,
  failures,
  attempts,
  lastFailures = 0,
}: Given): Batch<object> & { exhausted: Exhausted<object> } {
  let calls = 0;
  let lastCalls = 0;
  const first: Envelope = noted("message 1", "1");
  return {
    subscription: "ledger/noted",
    messages: [first, noted("message 2", "2")].map((envelope) => ({ envelope })),
    intakeOnly: true,
    afterDeadLetter: "continue",
    async handle({ data }, _attempt, unit) {
      await form(unit, String(data));
      if (data === "1" && (calls += 1) <= failures) throw new Error("not yet");
    },
    judge: (_, attempt) => (attempt >= attempts ? { kind: "dead" } : { kind: "park", nextAt: began }),
    exhausted: {
      async run(_envelope, _failure, unit) {
        await form(unit, "unknown");
        if ((lastCalls += 1) <= lastFailures) throw new Error("nor this");
      },
      pauses: () => false,
    },
  };
}
const job: How = {
  afterDeadLetter: "continue",
  handle: ({ data }, _attempt, unit) => apply(unit, String(data)),
  judge: () => ({ kind: "dead" }),
};

/** Works off what is due in every course in which it dies at one of its steps, then what is left when the claims of the dead have run out. */
function courses(
  make: () => Batch<object> & { exhausted: Exhausted<object> },
  end: (given: { readonly applied: readonly string[]; readonly store: Opened }) => Promise<void>,
  how: (given: How, late: boolean) => How = (given) => given,
): Promise<number> {
  const scenario = () => {
    const memory: Memory = new Map();
    const given = make();
    const late = began + 60_000;
    /** Another instance, which goes on: only one that begins settles what was left before it does anything else. */
    let other: Opened | undefined;
    /** Opened without a gate: how a store begins is not what is looked at. */
    const open = async (gate: Gate, now: number) => {
      let gated = free;
      const engine = memoryEngine(memory, (operation) => gated(operation));
      const store = await openDocuments(engine, { runtime: stillRuntime(now) }, { ledgers });
      gated = gate;
      return store;
    };
    const work = async (store: Opened, now: number) => {
      for (let round = 0; round < 10; round += 1)
        for (const each of await store.due(now, 10))
          await store.retry(each, each.subscription === given.subscription ? how(given, now > began) : job);
    };
    return {
      actors: [
        {
          name: "one",
          async run(gate: Gate) {
            other = await open(free, late);
            await (await open(free, began)).takeIn(given);
            await work(await open(gate, began), began);
          },
        },
      ],
      async check() {
        const store = other ?? (await open(free, late));
        await store.takeIn(given);
        await work(store, late);
        await store.sweep(late);
        await work(store, late);
        const found = await memoryEngine(memory, free).get("ledgers", "d");
        const applied = (found?.["applied"] ?? []) as readonly string[]; // Proof: written against the schema.
        assert.equal((await store.depths()).parked, 0);
        await end({ applied: applied.toSorted(), store });
      },
    };
  };
  return explore(scenario, { switches: 0, crashes: true });
}

for (const [name, form] of Object.entries(forms)) {
  for (const failures of [1, 2, Number.POSITIVE_INFINITY])
    test(`${name}: a message has its own effect or that of its exhausted, and no letter, whoever dies when: it fails ${String(failures)} times`, async () => {
      const count = await courses(
        () => batch({ form, failures, attempts: 2 }),
        async ({ applied, store }) => {
          const right = failures === 1 ? ["1"] : failures === 2 ? ["1", "unknown"] : ["unknown"];
          assert.ok(right.includes(applied.filter((each) => each !== "2").join()), String(applied));
          assert.equal(applied.filter((each) => each === "2").length, 1);
          assert.deepEqual(await store.deadLetters({ limit: 1 }), []);
        },
      );
      assert.ok(count > 20, String(count));
    });

  for (const attempts of [1, 2])
    test(`${name}: where exhausted fails too, there is the letter or an effect, and a letter of what came through says so: ${String(attempts)} attempts`, async () => {
      const count = await courses(
        () => batch({ form, failures: attempts, attempts, lastFailures: 1 }),
        async ({ applied, store }) => {
          const state = (await store.deadLetters({ limit: 1 }))[0]?.state;
          const first = applied.filter((each) => each !== "2");
          assert.equal(applied.length - first.length, 1);
          assert.equal(first.length, state === "dead" ? 0 : 1, `${String(state)} ${String(applied)}`);
          assert.ok(["dead", "handled", undefined].includes(state));
        },
      );
      assert.ok(count > 20, String(count));
    });

  test(`${name}: a message whose unit has committed is neither buried nor exhausted because its repeated prepare fails`, async () => {
    for (const last of [true, false]) {
      const count = await courses(
        () => batch({ form, failures: 0, attempts: 1 }),
        async ({ applied, store }) => {
          const letters = (await store.deadLetters({ limit: 3 })).map(({ envelope }) => String(envelope.data));
          const told = [...letters, ...applied];
          assert.equal(told.length, 2, String(told));
          for (const each of letters) assert.ok(!applied.includes(each), each);
          if (last) assert.deepEqual(letters, []);
        },
        ({ exhausted, ...given }, late) => ({
          ...given,
          ...(last && exhausted !== undefined ? { exhausted } : {}),
          ...(late ? { failed: new Error("the world is gone") } : {}),
        }),
      );
      assert.ok(count > 10, String(count));
    }
  });
}
