import path from "node:path";
import type { Store } from "../messaging/index.ts";
import type { StorePlace, StoreSpec } from "../service/index.ts";
import { kitMigrations } from "./kit-migrations/index.ts";
import { kyselyFactory, nameFaults } from "./kysely.ts";
import { inTransaction, migrate, migrationFaults, type Migrating, type Migration } from "./migrations.ts";
import { postgresEngine } from "./postgres.ts";
import { reconnecting } from "./reconnecting.ts";
import { sqliteEngine } from "./sqlite.ts";
import { SqlStore } from "./store.ts";
import { noMetrics } from "../telemetry/index.ts";
import { LaneMeter } from "./lane-metrics.ts";
import type { Db, Tables } from "./tables.ts";
import type { Engine, Isolation } from "./engine.ts";

export interface SqlOptions<T extends Tables> {
  readonly tables: T;
  readonly migrations: readonly Migration[];
  /**
   * On PostgreSQL: `serializable` needs no help from handlers and runs one unit a transaction; with `read committed` units share transactions, and handlers
   * lock what they decide on (`forUpdate`, a version, or one row that stands for a rule over several). @default "serializable"
   */
  readonly isolation?: Isolation;
}

/** A store on an SQL engine, declared: `db` is a Kysely over these tables. */
export function sql<const T extends Tables>(options: SqlOptions<T>): StoreSpec<{ readonly db: Db<T> }> {
  const { tables, migrations } = options;
  return {
    engine: "sql",
    collections: [],
    faults: () => [...migrationFaults(tables, migrations), ...nameFaults(tables)],
    open: (place) => openStore(engineOf(place), place, options),
  };
}

export async function openStore<T extends Tables>(
  engine: Engine,
  place: Pick<StorePlace, "name" | "runtime" | "metrics" | "onFatal">,
  { tables, migrations, isolation = "serializable" }: SqlOptions<T>,
): Promise<Store<{ readonly db: Db<T> }>> {
  await using begun = new AsyncDisposableStack();
  const writer = await engine.open("writer");
  begun.defer(async () => writer.close());
  await migrate({ engine, session: writer }, [
    { owner: "holdfast", migrations: kitMigrations },
    { owner: place.name, migrations },
  ]);
  const id = await identify({ engine, session: writer }, place);
  const reader = await engine.open("reader");
  begun.move();
  const store = new SqlStore({
    id,
    engine,
    writer,
    reader,
    isolation,
    runtime: place.runtime,
    kysely: kyselyFactory(engine.name, tables),
    meter: new LaneMeter(place.metrics ?? noMetrics, place.name, place.runtime.clock),
    onFatal: place.onFatal,
  });
  // Proof: `db` is a Kysely over the very tables of this declaration.
  return store as unknown as Store<{ readonly db: Db<T> }>;
}

export function engineOf({ url, name, durability, runtime }: StorePlace): Engine {
  const [scheme, rest] = [url.slice(0, url.indexOf(":")), url.slice(url.indexOf(":") + 1)];
  if (scheme === "sqlite") return sqliteEngine({ file: path.join(rest, `${name}.db`), durability });
  if (scheme === "postgres" || scheme === "postgresql")
    return reconnecting(postgresEngine({ url, schema: name }), { durability, runtime });
  throw new Error(`The store "${scheme}" is not known: sqlite:<folder> and postgres://… are.`);
}

/** A random id, made with the store: two stores of one name are told apart by it. */
async function identify({ engine, session }: Migrating, { runtime }: Pick<StorePlace, "runtime">): Promise<string> {
  const known = async (): Promise<string | undefined> => {
    const { rows } = await session.run("SELECT id FROM holdfast_store");
    const id = rows[0]?.["id"];
    return typeof id === "string" ? id : undefined;
  };
  // Another process may be at work on the store: only who makes the id waits for its turn.
  let id = await known();
  if (id !== undefined) return id;
  await inTransaction({ engine, session }, async () => {
    id = await known();
    if (id !== undefined) return;
    id = runtime.ids.uuidv7();
    await session.run("INSERT INTO holdfast_store (id) VALUES (?)", [id]);
  });
  return id ?? "";
}
