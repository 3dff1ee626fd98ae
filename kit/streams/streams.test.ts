import assert from "node:assert/strict";
import { test } from "node:test";
import { findProblem, isProblem } from "../contract/index.ts";
import { accountsOf, deposited, grounds, inUnit, query, seen, type Bank } from "./fixtures/accounts.ts";

const opened = { type: "opened", data: { owner: "ada" } } as const;
const rows = (store: Bank, name: "streamEvents" | "streamSnapshots" | "balances") =>
  query(store, ({ db }) => db.selectFrom(name).selectAll().execute());

for (const { name, skip, opener } of grounds) {
  const options = { skip, timeout: 30_000 };

  test(`${name}: events, projection and snapshot commit with the unit or not at all`, options, async (t) => {
    const store = await (await opener(t))();
    const six = Array.from({ length: 6 }, () => deposited(10));
    const failed = inUnit(store, async (access) => {
      await (await accountsOf(access).load("a")).append(opened, ...six);
      throw new Error("Not so.");
    });
    await assert.rejects(failed, /Not so/);
    for (const table of ["streamEvents", "streamSnapshots", "balances"] as const)
      assert.deepEqual(await rows(store, table), []);
    const after = await inUnit(store, async (access) => {
      const account = await accountsOf(access).load("a");
      assert.equal(account.version, 0);
      await account.append(opened, ...six);
      return { version: account.version, state: account.state };
    });
    assert.deepEqual(after, { version: 7, state: { owner: "ada", cents: 60, moves: 7 } });
    const row = { accountId: "a", owner: "ada", cents: 60, streamVersion: 7 };
    assert.deepEqual(await seen(store, "a"), { ...after, row });
    assert.equal((await rows(store, "streamSnapshots")).length, 1);
  });

  test(
    `${name}: of two processes that append to one stream at once, each appends to what the other left`,
    options,
    async (t) => {
      const open = await opener(t);
      const stores = [await open(), await open()] as const;
      // Each decides by what it has read: with a lost update the numbers would repeat.
      const append = (store: Bank) =>
        inUnit(store, async (access) => {
          const account = await accountsOf(access).load("a");
          await account.append(deposited(account.state.cents + 1));
        });
      await Promise.all(stores.flatMap((store) => Array.from({ length: 10 }, () => append(store))));
      const { state, version, row } = await seen(stores[0], "a");
      assert.deepEqual({ version, cents: state.cents }, { version: 20, cents: 2 ** 20 - 1 });
      assert.deepEqual(row, { accountId: "a", owner: null, cents: 2 ** 20 - 1, streamVersion: 20 });
    },
  );

  test(
    `${name}: of those who demand a version one appends, and the others are told where the stream is`,
    options,
    async (t) => {
      const open = await opener(t);
      const stores = [await open(), await open()] as const;
      const append = (store: Bank) =>
        inUnit(store, async (access) => (await accountsOf(access).load("a", { at: 0 })).append(opened));
      const all = await Promise.allSettled(stores.flatMap((store) => [append(store), append(store), append(store)]));
      const refused = all.flatMap((each) => (each.status === "rejected" ? [findProblem(each.reason)] : []));
      const facts = { streamType: "account", stream: "a", version: 1, demanded: 0 };
      assert.deepEqual(
        refused.map((problem) => ({ code: problem?.code, facts: problem?.facts })),
        Array.from({ length: 5 }, () => ({ code: "kit/stream-moved", facts })),
      );
      assert.equal((await rows(stores[0], "streamEvents")).length, 1);
      assert.ok(isProblem(refused[0], "kit/stream-moved"));
    },
  );
}
