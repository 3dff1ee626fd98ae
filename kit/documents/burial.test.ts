import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../contract/index.ts";
import type { Batch, DeadLetter, Envelope } from "../messaging/index.ts";
import { explore } from "./fixtures/explorer.ts";
import { memoryEngine, type Gate, type Memory } from "./fixtures/memory-engine.ts";
import { began, free, noted, stillRuntime } from "./fixtures/still.ts";
import { collection, openDocuments } from "./index.ts";

/** Dead letters, with a crash at every step: a message has its effect, or it is a dead letter, and never both. */
const ledgers = collection("ledgers", { schema: t.Object({ applied: t.Array(t.Integer()) }) });

const message = (number: number): Envelope => noted(`message ${String(number)}`, String(number));
/** The first message is dead after so many attempts; it fails for ever, or this often. */
function batch(afterDeadLetter: "continue" | "hold", failures = Number.POSITIVE_INFINITY, attempts = 2): Batch<object> {
  let calls = 0;
  return {
    subscription: "ledger/noted",
    messages: [1, 2].map((number) => ({ envelope: message(number) })),
    intakeOnly: false,
    afterDeadLetter,
    async handle({ data }, _attempt, unit) {
      const { kit } = unit.access as { readonly kit: unknown }; // Proof: given by every store of documents.
      const document = await ledgers.by(() => "d").open(kit, {});
      document.set({ applied: [...(document.value?.applied ?? []), Number(data)] });
      if (Number(data) !== 1) return;
      calls += 1;
      if (calls <= failures) throw new Error("not yet");
    },
    judge: (_, attempt) => (attempt >= attempts ? { kind: "dead" } : { kind: "park", nextAt: began }),
  };
}

type Opened = Awaited<ReturnType<typeof openDocuments>>;
type Act = (store: Opened, given: Batch<object>) => Promise<unknown>;

interface Scenario {
  readonly make: () => Batch<object>;
  /** @default nothing */
  readonly before?: Act;
  /** Dies at any of its steps, or at none. */
  readonly act: Act;
  /** `heal`: the message comes again, the sweep goes round, what is due is worked off; gives what was applied. */
  readonly end: (store: Opened, heal: () => Promise<readonly number[]>) => Promise<void>;
}

function courses({ make, before = () => Promise.resolve(), act, end }: Scenario): Promise<number> {
  const scenario = () => {
    const memory: Memory = new Map();
    const given = make();
    /** Opened without a gate: how a store begins is not what is looked at. */
    const open = async (gate: Gate, now: number) => {
      let gated = free;
      const engine = memoryEngine(memory, (operation) => gated(operation));
      const store = await openDocuments(engine, { runtime: stillRuntime(now) }, { ledgers });
      gated = gate;
      return store;
    };
    const run = async (gate: Gate) => {
      await before(await open(free, began), given);
      await act(await open(gate, began), given);
    };
    const check = async () => {
      // Later, when the claims of the dead have run out.
      const late = began + 60_000;
      const store = await open(free, late);
      await end(store, async () => {
        await store.takeIn(given);
        await store.sweep(late);
        for (let round = 0; round < 10; round += 1)
          for (const each of await store.due(late, 10)) await store.retry(each, given);
        const found = await memoryEngine(memory, free).get("ledgers", "d");
        return (found?.["applied"] ?? []) as readonly number[]; // Proof: written against the schema.
      });
    };
    return { actors: [{ name: "one", run }], check };
  };
  return explore(scenario, { switches: 0, crashes: true });
}

const letterOf = async (store: Opened): Promise<DeadLetter | undefined> => (await store.deadLetters({ limit: 2 }))[0];
const idOf = async (store: Opened) => (await letterOf(store))?.id ?? "";
const take: Act = (store, given) => store.takeIn(given);

for (const failures of [2, 4, Number.POSITIVE_INFINITY])
  test(`a message that dies has no effect, and one that comes through after a crash is no dead letter: it fails ${String(failures)} times`, async () => {
    const count = await courses({
      make: () => batch("continue", failures),
      act: take,
      async end(store, heal) {
        const applied = await heal();
        const letter = await letterOf(store);
        assert.deepEqual(
          applied.toSorted((a, b) => a - b),
          letter?.state === "dead" ? [2] : [1, 2],
          String(letter?.state),
        );
        assert.ok(["dead", "handled", undefined].includes(letter?.state));
        assert.equal((await store.depths()).parked, 0);
      },
    });
    assert.ok(count > 15, String(count));
  });

for (const failures of [3, Number.POSITIVE_INFINITY])
  test(`the same holds for one that dies when it is tried again: it fails ${String(failures)} times`, async () => {
    const count = await courses({
      make: () => batch("continue", failures, 3),
      before: take,
      async act(store, given) {
        for (const each of await store.due(began, 10)) await store.retry(each, given);
      },
      async end(store, heal) {
        const applied = await heal();
        const state = (await letterOf(store))?.state;
        assert.deepEqual(applied, state === "dead" ? [2] : [1, 2], String(state));
        assert.equal((await store.depths()).parked, 0);
      },
    });
    assert.ok(count > 8, String(count));
  });

test("with hold nothing of its key passes a dead letter, whenever who buried it died", async () => {
  const count = await courses({
    make: () => batch("hold"),
    act: take,
    async end(store, heal) {
      assert.deepEqual(await heal(), [], "it was passed");
      const letter = await letterOf(store);
      assert.equal(letter?.state, "dead");
      await store.discard(letter.id, "ada", "given up");
      assert.deepEqual(await heal(), [2]);
      assert.deepEqual(await heal(), [2], "what was discarded is known when it comes again");
    },
  });
  assert.ok(count > 15, String(count));
});

for (const hold of ["hold", "continue"] as const) {
  const rest = hold === "hold" ? [] : [2];

  test(`a redrive that dies at any step is a redrive or none: ${hold}`, async () => {
    const count = await courses({
      make: () => batch(hold, 2),
      before: take,
      act: async (store) => store.redrive(await idOf(store), "ada", undefined),
      async end(store, heal) {
        const before = (await letterOf(store))?.state;
        if (before === undefined) return; // It died before there was a letter.
        const applied = await heal();
        const after = (await letterOf(store))?.state;
        assert.equal(after, before === "dead" ? "dead" : "handled");
        assert.deepEqual(
          applied.toSorted((a, b) => a - b),
          after === "dead" ? rest : [1, 2],
        );
      },
    });
    assert.ok(count > 3, String(count));
  });

  test(`a discard that dies at any step leaves no key that is held for ever: ${hold}`, async () => {
    const count = await courses({
      make: () => batch(hold),
      before: take,
      act: async (store) => store.discard(await idOf(store), "ada", "given up"),
      async end(store, heal) {
        const applied = await heal();
        const state = (await letterOf(store))?.state;
        assert.deepEqual(applied, state === "discarded" ? [2] : rest, String(state));
        assert.deepEqual(await heal(), applied, "what is known is known when it comes again");
      },
    });
    assert.ok(count > 3, String(count));
  });
}
