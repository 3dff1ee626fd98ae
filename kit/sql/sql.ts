import path from "node:path";
import type { Store } from "../messaging/index.ts";
import type { StorePlace, StoreSpec } from "../service/index.ts";
import { kitMigrations } from "./kit-migrations/index.ts";
import { kyselyFactory, nameFaults } from "./kysely.ts";
import { migrate, migrationFaults, type Migration } from "./migrations.ts";
import { postgresEngine } from "./postgres.ts";
import { reconnecting } from "./reconnecting.ts";
import { sqliteEngine } from "./sqlite.ts";
import { derivationOf, identify, requireKnown, whenMissing } from "./identity.ts";
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
  place: Pick<StorePlace, "name" | "known" | "runtime" | "metrics" | "onFatal">,
  { tables, migrations, isolation = "serializable" }: SqlOptions<T>,
): Promise<Store<{ readonly db: Db<T> }>> {
  await using begun = new AsyncDisposableStack();
  const writer = await engine.open("writer");
  begun.defer(async () => writer.close());
  await requireKnown(writer, place.known);
  await migrate({ engine, session: writer }, [
    { owner: "holdfast", migrations: kitMigrations, advice: fromEarlier(engine, place.name) },
    { owner: place.name, migrations },
  ]);
  const { runtime } = place;
  const id = await identify({ engine, session: writer }, runtime);
  const derivation = await derivationOf({ engine, session: writer }, runtime);
  const reader = await engine.open("reader");
  begun.move();
  const store = new SqlStore({
    id,
    derivation,
    engine,
    writer,
    reader,
    isolation,
    runtime,
    kysely: kyselyFactory(engine.name, tables),
    meter: new LaneMeter(place.metrics ?? noMetrics, place.name, place.runtime.clock),
    onFatal: place.onFatal,
  });
  // Proof: `db` is a Kysely over the very tables of this declaration.
  return store as unknown as Store<{ readonly db: Db<T> }>;
}

export function engineOf({ url, name, durability, known, runtime }: StorePlace): Engine {
  const [scheme, rest] = [url.slice(0, url.indexOf(":")), url.slice(url.indexOf(":") + 1)];
  if (scheme === "sqlite")
    return sqliteEngine({ file: path.join(rest, `${name}.db`), durability, onMissing: whenMissing(known) });
  if (scheme === "postgres" || scheme === "postgresql")
    return reconnecting(postgresEngine({ url, schema: name }), { durability, runtime });
  throw new Error(`The store "${scheme}" is not known: sqlite:<folder> and postgres://… are.`);
}

/** For a store of a checkout from before the first release. */
const fromEarlier = ({ name }: Engine, service: string): string =>
  `The store of ${service} was made by an earlier version of Holdfast, before its first release, and this version cannot read it. ${
    name === "sqlite"
      ? "Remove the data folder (./.holdfast, or where HOLDFAST_DATA is) and start again."
      : `Drop the schema "${service}", remove the data folder (./.holdfast, or where HOLDFAST_DATA is) and start again.`
  }`;
