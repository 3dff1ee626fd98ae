import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Store } from "../messaging/index.ts";
import { controlledRuntime, type Runtime } from "../runtime/index.ts";
import type { Engine, Isolation } from "./engine.ts";
import { snapshot } from "./migrations.ts";
import { openStore } from "./sql.ts";
import { integer, table, text, type Db } from "./tables.ts";

const tables = {
  counters: table({ name: text().primaryKey(), value: integer() }),
  doctors: table({ name: text().primaryKey(), shift: text(), onCall: integer() }),
  seats: table({ id: text().primaryKey(), show: text() }),
};
export type Access = { readonly db: Db<typeof tables> };

/** Where the stores of one test lie, empty, and with which isolation; cleared up by the test's `after`. */
export interface SqlGround {
  /** That of the service whose store it is. */
  readonly name: string;
  readonly isolation: Isolation;
  /** One more engine on this place, as one more process would have it. Closed with its store. */
  engine(given: { readonly runtime: Runtime }): Engine;
}

export const message = {
  source: "orders",
  type: "order.placed",
  version: 1,
  key: "1",
  correlationId: "c",
  causationId: undefined,
  traceparent: undefined,
  headers: {},
  data: "{}",
};

export interface Opener {
  readonly runtime: Runtime;
  readonly isolation: Isolation;
  one(wrap?: (engine: Engine) => Engine): Promise<Store<Access>>;
  two(): Promise<readonly [Store<Access>, Store<Access>]>;
}

export function openers(t: TestContext, { name, isolation, engine }: SqlGround): Opener {
  const runtime = controlledRuntime();
  const one = async (wrap: (made: Engine) => Engine = (made) => made) => {
    const place = { name, runtime, onFatal: (error: unknown) => assert.fail(String(error)) };
    const migrations = [{ name: "0001-initial", snapshot: snapshot(tables) }];
    const store = await openStore(wrap(engine({ runtime })), place, { tables, migrations, isolation });
    t.after(() => store.close());
    return store;
  };
  return {
    runtime,
    isolation,
    one,
    two: async () => [await one(), await one()],
  };
}

/** A session whose commits fail, once `fails` says so; what was to be committed is rolled back. */
export function withCommit(engine: Engine, fails: () => boolean): Engine {
  let writers = 0;
  return {
    ...engine,
    async open(role) {
      const session = await engine.open(role);
      if (role === "reader" || (writers += 1) > 1) return session;
      return {
        run: (...given) => session.run(...given),
        insertMany: (insert) => session.insertMany(insert),
        runWithList: (...given) => session.runWithList(...given),
        begin: (...given) => session.begin(...given),
        commit: () => (fails() ? Promise.reject(new Error("The disk does not answer.")) : session.commit()),
        rollback: () => session.rollback(),
        savepoint: () => session.savepoint(),
        release: () => session.release(),
        rollbackToSavepoint: () => session.rollbackToSavepoint(),
        inTransaction: () => session.inTransaction(),
        close: () => session.close(),
      };
    },
  };
}

export const inUnit = async <T>(store: Store<Access>, work: (access: Access) => Promise<T>): Promise<T> => {
  const settled = await store.unit({
    label: "PlaceOrder",
    // The clock of all runtimes here is the machine's.
    deadline: controlledRuntime().clock.monotonic() + 20_000,
    work: ({ access }) => work(access),
  });
  assert.ok(settled.kind === "committed");
  return settled.value;
};

export const query = <T>(store: Store<Access>, work: (access: Access) => Promise<T>): Promise<T> =>
  store.query({ label: "GetOrder", deadline: Infinity, work: ({ access }) => work(access) });

export const insert = (db: Access["db"], name: string) =>
  db.insertInto("counters").values({ name, value: 0 }).execute();

/** Locked, for those who decide by it. */
export const counter = ({ db }: Access, name: string) =>
  db.selectFrom("counters").selectAll().where("name", "=", name).forUpdate().executeTakeFirstOrThrow();

export const seed = (store: Store<Access>, rows: readonly (readonly [string, number])[]) =>
  inUnit(store, ({ db }) =>
    db
      .insertInto("counters")
      .values(rows.map(([name, value]) => ({ name, value })))
      .execute(),
  );

export const count = async (store: Store<Access>): Promise<number> =>
  (await query(store, ({ db }) => db.selectFrom("counters").selectAll().execute())).length;

export const valueOf = async (store: Store<Access>, name: string): Promise<number | undefined> =>
  (await query(store, ({ db }) => db.selectFrom("counters").selectAll().where("name", "=", name).execute()))[0]?.value;

/** So many units in each store, all at once. */
export const everyone = <T>(
  stores: readonly Store<Access>[],
  each: number,
  work: (access: Access, id: string) => Promise<T>,
): Promise<readonly T[]> =>
  Promise.all(
    stores.flatMap((store, at) =>
      Array.from({ length: each }, (_, nth) => inUnit(store, (access) => work(access, `${String(at)}-${String(nth)}`))),
    ),
  );
