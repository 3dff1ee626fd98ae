import { createHash } from "node:crypto";
import { canonicalJson } from "../contract/index.ts";
import { addColumn, createIndex, createTable, indexName, type Dialect } from "./ddl.ts";
import type { Engine, Session } from "./engine.ts";
import { textOf } from "./rows.ts";
import type { Index, Kind, Shape, Table, Tables } from "./tables.ts";

/** The shape of a set of tables, as data: what a migration leads to. */
export interface Snapshot {
  readonly [table: string]: {
    readonly columns: Readonly<
      Record<
        string,
        { readonly kind: Kind; readonly nullable?: true; readonly identity?: true; readonly default?: string | number }
      >
    >;
    readonly primaryKey: readonly string[];
    readonly indexes: readonly Index[];
  };
}

export interface Migration {
  /** `0001-initial`; applied in the order of the list. */
  readonly name: string;
  readonly snapshot: Snapshot;
}

export const snapshot = (tables: Tables): Snapshot =>
  mapValues(tables, ({ columns, primaryKey, indexes }) => ({
    columns: mapValues(columns, columnShape),
    primaryKey,
    indexes,
  }));

const columnShape = ({ kind, nullable, identity, default: fallback }: Shape) => ({
  kind,
  ...(nullable ? { nullable: true as const } : {}),
  ...(identity ? { identity: true as const } : {}),
  ...(fallback === undefined ? {} : { default: fallback }),
});

/** Statements from one shape to the next: creating and adding. Anything else is refused, by name: it needs a person. */
export function diff(from: Snapshot, to: Snapshot, dialect: Dialect): readonly string[] {
  const statements: string[] = [];
  const refuse = (what: string): never => {
    throw new Error(`A migration creates tables and adds columns and indexes; it cannot ${what}.`);
  };
  for (const [name, table] of Object.entries(to)) {
    const before = from[name];
    if (before === undefined) {
      statements.push(...createTable(name, revive(table), dialect));
      continue;
    }
    for (const [field, column] of Object.entries(table.columns)) {
      const old = before.columns[field];
      if (old !== undefined) {
        if (JSON.stringify(old) !== JSON.stringify(column)) refuse(`change the column ${name}.${field}`);
      } else if (column.nullable !== true && column.default === undefined)
        refuse(`add ${name}.${field} without a default: rows that are there need a value`);
      else statements.push(addColumn(name, field, reviveColumn(column), dialect));
    }
    for (const field of Object.keys(before.columns))
      if (table.columns[field] === undefined) refuse(`drop the column ${name}.${field}`);
    if (before.primaryKey.join() !== table.primaryKey.join()) refuse(`change the primary key of ${name}`);
    const known = new Set(before.indexes.map((index) => JSON.stringify(index)));
    for (const index of table.indexes) if (!known.has(JSON.stringify(index))) statements.push(createIndex(name, index));
    const wanted = new Set(table.indexes.map((index) => indexName(name, index)));
    for (const index of before.indexes)
      if (!wanted.has(indexName(name, index))) refuse(`drop the index ${indexName(name, index)}`);
  }
  for (const name of Object.keys(from)) if (to[name] === undefined) refuse(`drop the table ${name}`);
  return statements;
}

/** What is wrong between tables and their migrations, as sentences. */
export function migrationFaults(tables: Tables, migrations: readonly Migration[]): readonly string[] {
  const faults: string[] = [];
  const last = migrations.at(-1);
  if (canonicalJson(last?.snapshot ?? {}) !== canonicalJson(snapshot(tables))) {
    faults.push(
      `the tables differ from ${last === undefined ? "nothing: there is no migration" : `the snapshot of the migration ${last.name}`}; add one with the snapshot of the tables as they are.`,
    );
  }
  return faults;
}

const ledger = "holdfast_migrations";

/** Who migrates: the session is a writer of the engine. */
export interface Migrating {
  readonly engine: Engine;
  readonly session: Session;
}

/** Migrations of one owner, in their order. */
export interface Owned {
  readonly owner: string;
  readonly migrations: readonly Migration[];
  /** What to do where the store was made by another form of these migrations. @default that one of them was changed */
  readonly advice?: string;
}

/** Applies all that is pending in one transaction; safe when two processes start at once. Where nothing is, it waits for no writer. */
export async function migrate({ engine, session }: Migrating, all: readonly Owned[]): Promise<void> {
  if (await areApplied(session, all)) return;
  await inTransaction({ engine, session }, async () => {
    await session.run(
      `CREATE TABLE IF NOT EXISTS ${ledger} (owner TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (owner, name))`,
    );
    const ledgers = await ledgerOf(session);
    for (const owned of all) {
      const applied = ledgers.get(owned.owner) ?? new Map<string, string>();
      refuseFaults(owned, applied);
      let from: Snapshot = {};
      for (const migration of owned.migrations) {
        if (!applied.has(migration.name)) await apply({ engine, session }, { owned, applied, migration, from });
        from = migration.snapshot;
      }
    }
  });
}

/** Names of applied migrations, with their checksums. */
type Applied = ReadonlyMap<string, string>;

/** Refuses what would give a new store other tables than this one has: a changed migration, and a new one before an applied one. */
function refuseFaults({ owner, migrations, advice }: Owned, applied: Applied): void {
  const changed = migrations.find(
    (one) => (applied.get(one.name) ?? checksumOf(one.snapshot)) !== checksumOf(one.snapshot),
  );
  if (changed !== undefined)
    throw new Error(
      advice ??
        `The migration ${changed.name} of ${owner} was changed after it had been applied. Restore it, and put the change into a new one.`,
    );
  const last = migrations.findLastIndex(({ name }) => applied.has(name));
  const early = migrations.slice(0, Math.max(0, last)).find(({ name }) => !applied.has(name));
  if (early !== undefined)
    throw new Error(
      `The migration ${early.name} of ${owner} is not applied, but ${migrations[last]?.name ?? ""} behind it is. Move new migrations to the end, and restore the name of one that was renamed.`,
    );
}

interface Pending {
  readonly owned: Owned;
  readonly applied: Applied;
  readonly migration: Migration;
  /** What the migrations before it lead to. */
  readonly from: Snapshot;
}

async function apply({ engine, session }: Migrating, { owned, applied, migration, from }: Pending): Promise<void> {
  const { owner, migrations } = owned;
  const { name, snapshot: next } = migration;
  const statements = diff(from, next, engine.name);
  try {
    for (const statement of statements) await session.run(statement);
  } catch (error) {
    // Anything else is no fault of the migration.
    if (!["other", "unique", "constraint"].includes(engine.classify(error))) throw error;
    const unknown = [...applied.keys()].filter((known) => !migrations.some((one) => one.name === known));
    const why =
      unknown.length === 0
        ? "The tables were changed by hand, or by another program."
        : `The store has applied ${unknown.join(", ")}, which this program does not have: restore the name of a migration that was renamed.`;
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`The migration ${name} of ${owner} cannot be applied: ${message}. ${why}`, { cause: error });
  }
  const insert = `INSERT INTO ${ledger} (owner, name, checksum) VALUES (?, ?, ?)`;
  await session.run(insert, [owner, name, checksumOf(next)]);
}

async function areApplied(session: Session, all: readonly Owned[]): Promise<boolean> {
  try {
    const ledgers = await ledgerOf(session);
    return all.every(({ owner, migrations }) =>
      migrations.every(({ name, snapshot: next }) => ledgers.get(owner)?.get(name) === checksumOf(next)),
    );
  } catch {
    return false; // There is no ledger yet; any other fault comes again below.
  }
}

async function ledgerOf(session: Session): Promise<ReadonlyMap<string, Applied>> {
  const { rows } = await session.run(`SELECT owner, name, checksum FROM ${ledger}`);
  const ledgers = new Map<string, Map<string, string>>();
  for (const row of rows) {
    const owner = textOf(row, "owner");
    const applied = ledgers.get(owner) ?? new Map<string, string>();
    ledgers.set(owner, applied.set(textOf(row, "name"), textOf(row, "checksum")));
  }
  return ledgers;
}

const checksumOf = (shape: Snapshot): string => createHash("sha256").update(canonicalJson(shape)).digest("hex");

/** One writer at a time: who finds the store busy waits for its turn, ten seconds on SQLite, on PostgreSQL as long as a statement waits for a lock. */
export async function inTransaction({ engine, session }: Migrating, work: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      // What another process has applied while this one waited for the lock must be seen.
      await session.begin("write", { isolation: "read committed" });
      break;
    } catch (error) {
      if (engine.classify(error) !== "busy" || tries > 500) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }
  try {
    if (engine.name === "postgres") await session.run("SELECT pg_advisory_xact_lock(7235610941)");
    await work();
    await session.commit();
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

const revive = ({ columns, primaryKey, indexes }: Snapshot[string]): Table => ({
  columns: mapValues(columns, reviveColumn),
  primaryKey,
  indexes,
});

const reviveColumn = ({ kind, nullable, identity, default: fallback }: Snapshot[string]["columns"][string]): Shape => ({
  kind,
  nullable: nullable === true,
  primary: false,
  identity: identity === true,
  default: fallback,
});

const mapValues = <V, R>(record: Readonly<Record<string, V>>, map: (value: V) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
