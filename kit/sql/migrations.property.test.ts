import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { quote } from "./ddl.ts";
import type { Engine, Row } from "./engine.ts";
import { freshPostgres, freshSqlite, migrateAlone, postgresSkip, type Cleaner } from "./fixtures/engines.ts";
import { schemaOf } from "./fixtures/introspect.ts";
import { snapshot } from "./migrations.ts";
import { blob, boolean, integer, json, real, table, text, type Shape, type Tables } from "./tables.ts";

/** A column of a kind, with the values that it may hold. */
const kinds = {
  text: {
    column: text(),
    values: fc.string({ unit: "grapheme", maxLength: 8 }).map((value) => value.replaceAll("\0", "")),
  },
  integer: { column: integer(), values: fc.maxSafeInteger() },
  real: { column: real(), values: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) },
  boolean: { column: boolean(), values: fc.boolean() },
  json: { column: json<object>(), values: fc.dictionary(fc.string({ maxLength: 3 }), fc.integer(), { maxKeys: 3 }) },
  blob: { column: blob(), values: fc.uint8Array({ maxLength: 8 }) },
} as const;
type Kind = keyof typeof kinds;
const kindNames: readonly Kind[] = ["text", "integer", "real", "boolean", "json", "blob"];

interface ColumnPlan {
  readonly name: string;
  readonly kind: Kind;
  readonly nullable: boolean;
  /** JSON text of a default, or none. */
  readonly fallback: unknown;
}

const names = fc.constantFrom("a", "b", "camelCase", "order", "group", 'q"uote', "UPPER", "a_b", "ünï", "with space");

function columnPlan(adding: boolean): fc.Arbitrary<ColumnPlan> {
  return fc
    .record({ name: names, kind: fc.constantFrom(...kindNames), nullable: fc.boolean(), defaulted: fc.boolean() })
    .chain(({ name, kind, nullable, defaulted }) => {
      // Bytes have no default; what is added needs one or is nullable.
      const withDefault = kind !== "blob" && (defaulted || (adding && !nullable));
      return (withDefault ? kinds[kind].values : fc.constant(undefined)).map((fallback) => ({
        name,
        kind,
        nullable: nullable || (adding && kind === "blob"),
        fallback: fallback as unknown,
      }));
    });
}

interface TablePlan {
  readonly name: string;
  readonly columns: readonly ColumnPlan[];
  readonly added: readonly ColumnPlan[];
  readonly indexes: readonly (readonly string[])[];
  readonly addedIndexes: readonly (readonly string[])[];
  /** Both only where the table is there before. */
  readonly isNew: boolean;
  readonly rows: readonly (readonly unknown[])[];
}

const tablePlan: fc.Arbitrary<TablePlan> = fc
  .record({
    name: names,
    columns: fc.uniqueArray(columnPlan(false), { selector: ({ name }) => name, minLength: 1, maxLength: 4 }),
    more: fc.uniqueArray(columnPlan(true), { selector: ({ name }) => name, maxLength: 3 }),
    isNew: fc.boolean(),
  })
  .chain(({ name, columns, more, isNew }) => {
    const added = more.filter((each) => columns.every((column) => column.name !== each.name));
    const old = columns.map((column) => column.name);
    const all = [...old, ...added.map((column) => column.name)];
    return fc.record({
      name: fc.constant(name),
      columns: fc.constant(columns),
      added: fc.constant(added),
      indexes: indexesOn(old),
      addedIndexes: indexesOn(all),
      isNew: fc.constant(isNew),
      rows: fc.array(fc.tuple(...columns.map(({ kind, nullable }) => valueOf(kind, nullable))), { maxLength: 3 }),
    });
  });

const indexesOn = (columns: readonly string[]) =>
  fc.array(fc.subarray([...columns], { minLength: 1, maxLength: Math.min(3, columns.length) }), { maxLength: 2 });
const valueOf = (kind: Kind, nullable: boolean): fc.Arbitrary<unknown> =>
  nullable ? fc.option(kinds[kind].values as fc.Arbitrary<unknown>) : (kinds[kind].values as fc.Arbitrary<unknown>);

const plans = fc.uniqueArray(tablePlan, { selector: ({ name }) => name, minLength: 1, maxLength: 3 });

function shapeOf({ kind, nullable, fallback }: ColumnPlan): Shape {
  const { column } = kinds[kind];
  const optional = nullable ? column.optional() : column;
  return fallback === undefined ? optional : (optional as { defaultTo(value: unknown): Shape }).defaultTo(fallback);
}

/** Keyed by a number of its own, so that any two rows may be alike in all else. */
const key = "the key";

function tablesOf(plan: readonly TablePlan[], when: "before" | "after"): Tables {
  const there = plan.filter(({ isNew }) => when === "after" || !isNew);
  return Object.fromEntries(
    there.map(({ name, columns, added, indexes, addedIndexes }) => {
      const wanted = new Map(
        [...indexes, ...(when === "after" ? addedIndexes : [])].map((on) => [on.join("\u0000"), { on }]),
      );
      return [
        name,
        table(
          Object.fromEntries([
            [key, integer().primaryKey()],
            ...[...columns, ...(when === "after" ? added : [])].map((column) => [column.name, shapeOf(column)]),
          ]),
          { indexes: [...wanted.values()] },
        ),
      ];
    }),
  );
}

const encode = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array) ? JSON.stringify(value) : value;
const decode = (value: unknown, kind: Kind, engine: Engine): unknown =>
  kind === "boolean" && engine.name === "sqlite" && typeof value === "number" ? value === 1 : value;

for (const [name, skip, runs, fresh] of [
  ["SQLite", false, 25, freshSqlite],
  ["PostgreSQL", postgresSkip, 10, freshPostgres],
] as const) {
  void test(
    `${name}: a filled store that is migrated equals a fresh one, and keeps its rows`,
    { skip, timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(plans, async (plan) => {
          const cleans: (() => Promise<void>)[] = [];
          const cleaner: Cleaner = { after: (clean) => void cleans.push(clean) };
          try {
            await compare(plan, await fresh(cleaner), await fresh(cleaner));
          } finally {
            for (const clean of cleans) await clean();
          }
        }),
        { numRuns: runs },
      );
    },
  );
}

async function compare(plan: readonly TablePlan[], migrated: Engine, made: Engine): Promise<void> {
  const before = { name: "0001-before", snapshot: snapshot(tablesOf(plan, "before")) };
  const after = { name: "0002-after", snapshot: snapshot(tablesOf(plan, "after")) };
  await migrateAlone(migrated, "shop", [before]);
  const session = await migrated.open("writer");
  const fresh = await made.open("writer");
  try {
    for (const { name, columns, rows, isNew } of plan) {
      if (isNew) continue;
      for (const [at, row] of rows.entries())
        await session.run(
          `INSERT INTO ${quote(name)} (${[key, ...columns.map((column) => column.name)].map(quote).join(", ")}) VALUES (${["?", ...row.map(() => "?")].join(", ")})`,
          [at, ...row.map(encode)],
        );
    }
    await migrateAlone(migrated, "shop", [before, after]);
    await migrateAlone(made, "shop", [{ ...after, name: "0001-after" }]);
    assert.deepEqual(await schemaOf(migrated.name, session), await schemaOf(made.name, fresh));
    for (const { name, columns, added, rows, isNew } of plan) {
      const kept = (await session.run(`SELECT * FROM ${quote(name)} ORDER BY ${quote(key)}`)).rows;
      const all = [...columns, ...added];
      const expected = (isNew ? [] : rows).map((row) => [
        ...row.map(encode),
        ...added.map(({ fallback }) => (fallback === undefined ? null : encode(fallback))),
      ]);
      assert.deepEqual(
        kept.map((row: Row) => all.map((column) => decode(row[column.name], column.kind, migrated))),
        expected,
      );
    }
  } finally {
    await session.close();
    await fresh.close();
  }
}
