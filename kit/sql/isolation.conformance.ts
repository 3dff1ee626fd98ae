import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  count,
  counter,
  everyone,
  insert,
  inUnit,
  message,
  openers,
  query,
  seed,
  valueOf,
  withCommit,
  type Access,
  type Opener,
  type SqlGround,
} from "./isolation.fixture.ts";
import { Conflict } from "./rejected.ts";

export type { SqlGround } from "./isolation.fixture.ts";

/** What an engine does in its own way; a text says why the tests of it do not apply. */
export interface IsolationTraits {
  /** Several engines may be open on one place, as several processes would have it. */
  readonly shared: true | string;
}

/**
 * What a unit of work promises, the same on every engine and isolation. Two stores on one ground stand for two processes. At READ COMMITTED the handlers
 * lock what they decide on, as they must. `skip` says why none of it can be tried here.
 */
export function isolationConformance(
  name: string,
  ground: (t: TestContext) => Promise<SqlGround>,
  { shared, skip = false }: IsolationTraits & { readonly skip?: string | false },
): void {
  const run = (does: string, why: string | false, body: (t: TestContext, opener: Opener) => Promise<void>): void => {
    void test(`${name}: ${does}`, { skip: why, timeout: 60_000 }, async (t) => body(t, openers(t, await ground(t))));
  };
  const check = (does: string, body: (t: TestContext, opener: Opener) => Promise<void>): void => run(does, skip, body);
  const checkShared = (does: string, body: (t: TestContext, opener: Opener) => Promise<void>): void =>
    run(does, skip === false && shared !== true ? shared : skip, body);

  checkShared("no update is lost between two processes", async (_, { two, isolation }) => {
    const stores = await two();
    await seed(stores[0], [["hits", 0]]);
    await everyone(stores, 20, async ({ db }) => {
      const hits = db.selectFrom("counters").selectAll().where("name", "=", "hits");
      const { value } = await (isolation === "read committed" ? hits.forUpdate() : hits).executeTakeFirstOrThrow();
      await db
        .updateTable("counters")
        .set({ value: value + 1 })
        .where("name", "=", "hits")
        .execute();
    });
    assert.equal(await valueOf(stores[0], "hits"), 40);
  });

  checkShared("an update that checks the version it has read is refused for all but one", async (_, { two }) => {
    const stores = await two();
    await seed(stores[0], [["version", 0]]);
    const wins = await everyone(stores, 10, async ({ db }) => {
      const { numUpdatedRows } = await db
        .updateTable("counters")
        .set({ value: 1 })
        .where("name", "=", "version")
        .where("value", "=", 0)
        .executeTakeFirstOrThrow();
      return numUpdatedRows;
    });
    assert.equal(wins.filter((won) => won === 1n).length, 1);
  });

  checkShared("a handler that finds its decision outdated asks to run again, and decides anew", async (_, { two }) => {
    const stores = await two();
    await seed(stores[0], [["version", 0]]);
    await everyone(stores, 5, async ({ db }) => {
      const counters = db.selectFrom("counters").selectAll().where("name", "=", "version");
      const { value } = await counters.executeTakeFirstOrThrow();
      const { numUpdatedRows } = await db
        .updateTable("counters")
        .set({ value: value + 1 })
        .where("name", "=", "version")
        .where("value", "=", value)
        .executeTakeFirstOrThrow();
      // Wrapped, as a handler may do with what it catches.
      if (numUpdatedRows === 0n) throw new Error("Moved.", { cause: new Conflict("The version has moved.") });
    });
    assert.equal(await valueOf(stores[0], "version"), 10);
  });

  checkShared("of two doctors who leave at the same time one stays: no write skew", async (_, { two, isolation }) => {
    const stores = await two();
    for (let round = 0; round < 10; round += 1) {
      const shift = `shift ${String(round)}`;
      const doctors = [`ann ${String(round)}`, `bob ${String(round)}`] as const;
      await inUnit(stores[0], ({ db }) =>
        db
          .insertInto("doctors")
          .values(doctors.map((doctor) => ({ name: doctor, shift, onCall: 1 })))
          .execute(),
      );
      await Promise.all(
        doctors.map((doctor, at) =>
          inUnit(stores[at === 0 ? 0 : 1], async ({ db }) => {
            const others = db.selectFrom("doctors").selectAll().where("shift", "=", shift).where("onCall", "=", 1);
            // Sorted, so that two who lock the same rows do so in one order.
            const onCall = await (isolation === "read committed"
              ? others.orderBy("name").forUpdate().execute()
              : others.execute());
            if (onCall.length > 1)
              await db.updateTable("doctors").set({ onCall: 0 }).where("name", "=", doctor).execute();
          }),
        ),
      );
      const left = await query(stores[1], ({ db }) =>
        db.selectFrom("doctors").selectAll().where("shift", "=", shift).where("onCall", "=", 1).execute(),
      );
      assert.equal(left.length, 1);
    }
  });

  checkShared("seats counted before they are taken are never oversold", async (_, { two, isolation }) => {
    const stores = await two();
    await seed(stores[0], [["hamlet", 5]]);
    const taken = await everyone(stores, 10, async ({ db }, id) => {
      // One row stands for the rule; SERIALIZABLE needs no such help.
      if (isolation === "read committed") await counter({ db }, "hamlet");
      const { count } = await db
        .selectFrom("seats")
        .select((all) => all.fn.countAll<number>().as("count"))
        .where("show", "=", "hamlet")
        .executeTakeFirstOrThrow();
      if (count >= 5) return false;
      await db.insertInto("seats").values({ id, show: "hamlet" }).execute();
      return true;
    });
    assert.equal(taken.filter(Boolean).length, 5);
    const seats = await query(stores[0], ({ db }) => db.selectFrom("seats").selectAll().execute());
    assert.equal(seats.length, 5);
  });

  checkShared("twins that insert what is not there make it once", async (_, { two }) => {
    const stores = await two();
    const made = await everyone(stores, 10, async ({ db }) => {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("counters")
        .values({ name: "only", value: 1 })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows;
    });
    assert.equal(made.filter((rows) => rows === 1n).length, 1);
  });

  checkShared(
    "requests under one Idempotency-Key run once, in whichever process; the rest is replayed",
    async (_, o) => {
      const stores = await o.two();
      await seed(stores[0], [["paid", 0]]);
      const settled = await Promise.all(
        Array.from({ length: 20 }, (__, at) =>
          stores[at % 2 === 0 ? 0 : 1].unit({
            label: "Pay",
            deadline: o.runtime.clock.monotonic() + 20_000,
            key: { scope: "payer/Pay/1", fingerprint: "f" },
            encode: () => ({ status: 201, body: undefined, headers: {} }),
            work: async ({ access: { db } }) => {
              const { value } = await counter({ db }, "paid");
              await db
                .updateTable("counters")
                .set({ value: value + 1 })
                .where("name", "=", "paid")
                .execute();
            },
          }),
        ),
      );
      assert.equal(settled.filter(({ kind }) => kind === "committed").length, 1);
      assert.equal(await valueOf(stores[0], "paid"), 1);
    },
  );

  check("a forgotten await fails the unit", async (_, { one }) => {
    const store = await one();
    await assert.rejects(
      inUnit(store, async ({ db }) => {
        await insert(db, "a");
        void insert(db, "b");
        return Promise.resolve();
      }),
      /PlaceOrder returned while a statement was still waiting: await every call on the store\./,
    );
    assert.equal(await count(store), 0);
  });

  for (const [when, first] of [
    ["before", false],
    ["after", true],
  ] as const) {
    check(`a timer ${when} the first statement fails the unit`, async (_, { one, runtime }) => {
      const store = await one();
      const failing = inUnit(store, async ({ db }) => {
        if (first) await insert(db, "a");
        await runtime.timers.sleep(1);
        await insert(db, "b");
      });
      await assert.rejects(failing, /PlaceOrder awaited something that is not the store: move calls, timers and files/);
      assert.equal(await count(store), 0);
    });
  }

  check("a statement after the end of its unit is refused", async (_, { one }) => {
    const store = await one();
    let kept: Access["db"] | undefined;
    await inUnit(store, ({ db }) => {
      kept = db;
      return insert(db, "a");
    });
    assert.ok(kept);
    await assert.rejects(insert(kept, "b"), /PlaceOrder used the store after its unit had ended/);
    assert.equal(await count(store), 1);
  });

  check("a query that writes or publishes fails", async (_, { one }) => {
    const store = await one();
    const asks = (work: (unit: Parameters<Parameters<typeof store.query>[0]["work"]>[0]) => Promise<unknown>) =>
      store.query({ label: "GetOrder", deadline: Infinity, work });
    await assert.rejects(
      asks(({ access }) => insert(access.db, "a")),
      /GetOrder tried to write where the store is read-only/,
    );
    await assert.rejects(
      asks(async ({ publish }) => Promise.resolve(publish(message))),
      /GetOrder published order\.placed in a query/,
    );
    assert.equal(await count(store), 0);
  });

  check("a write through the store of prepare fails", async (_, { one }) => {
    const store = await one();
    await assert.rejects(insert(store.outside.db, "a"), /"prepare" tried to write/);
    assert.equal(await count(store), 0);
  });

  check("a message is published after a write and before the end, or the unit fails", async (_, { one, runtime }) => {
    const store = await one();
    const deadline = runtime.clock.monotonic() + 20_000;
    let late: (() => void) | undefined;
    await assert.rejects(
      store.unit({
        label: "PlaceOrder",
        deadline,
        work: async ({ access, publish }) => {
          await access.db.selectFrom("counters").selectAll().execute();
          publish(message);
        },
      }),
      /PlaceOrder published order\.placed before its first write: write the row that orders "1" first/,
    );
    await store.unit({
      label: "PlaceOrder",
      deadline,
      work: async ({ access, publish }) => {
        await insert(access.db, "a");
        publish(message);
        late = () => publish(message);
      },
    });
    assert.throws(() => late?.(), /PlaceOrder published order\.placed after its unit had ended/);
    assert.equal((await store.outbox(0, 10)).length, 1);
  });

  check("a unit that fails leaves its neighbours in the group whole", async (_, { one }) => {
    const store = await one();
    const outcomes = await Promise.allSettled(
      ["a", "b", "c", "d"].map((id) =>
        inUnit(store, async ({ db }) => {
          await insert(db, id);
          if (id === "b") throw new Error("no b");
          if (id === "c") await insert(db, "a");
        }),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    const rows = await query(store, ({ db }) => db.selectFrom("counters").select("name").orderBy("name").execute());
    assert.deepEqual(
      rows.map(({ name }) => name),
      ["a", "d"],
    );
  });

  check("a handler that goes on after a failed statement fails as a whole", async (_, { one }) => {
    const store = await one();
    await seed(store, [["a", 1]]);
    await assert.rejects(
      inUnit(store, async ({ db }) => {
        await insert(db, "b");
        await insert(db, "a").catch(() => undefined);
      }),
      /PlaceOrder went on after a statement had failed/,
    );
    assert.equal(await count(store), 1);
  });

  checkShared("when a commit fails, all of the group are told so and nothing is in the store", async (t, { one }) => {
    const store = await one();
    let fail = true;
    const broken = await one((engine) => withCommit(engine, () => fail));
    t.after(() => (fail = false));
    const outcomes = await Promise.allSettled(["a", "b", "c"].map((id) => inUnit(broken, ({ db }) => insert(db, id))));
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected");
      assert.throws(
        () => {
          throw outcome.reason;
        },
        { code: "kit/unavailable" },
      );
    }
    assert.equal(await count(store), 0);
    fail = false;
    await inUnit(broken, ({ db }) => insert(db, "d"));
    assert.equal(await count(store), 1);
  });

  check("how long commits take is told, once there was one", async (_, { one }) => {
    const store = await one();
    assert.equal(store.commitMs(), 0);
    await inUnit(store, ({ db }) => insert(db, "a"));
    assert.ok(store.commitMs() > 0);
  });

  check("a unit that is past its deadline is not begun", async (_, { one, runtime }) => {
    const store = await one();
    await assert.rejects(
      store.unit({
        label: "PlaceOrder",
        deadline: runtime.clock.monotonic() - 1,
        work: ({ access }) => insert(access.db, "a"),
      }),
      { code: "kit/overloaded" },
    );
    assert.equal(await count(store), 0);
  });
}
