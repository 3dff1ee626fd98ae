import {
  ColumnNode,
  InsertQueryNode,
  TableNode,
  UpdateQueryNode,
  ValueNode,
  ValuesNode,
  type ColumnUpdateNode,
  type OperationNode,
  type PrimitiveValueListNode,
  type ValueListNode,
} from "kysely";
import type { Tables } from "./tables.ts";

/** What an integer column could hold and never give back: beyond 2^53 both engines refuse to read, and SQLite writes NaN as null. */
export const isUnsafeInteger = (value: unknown): boolean =>
  typeof value === "number"
    ? !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
    : typeof value === "bigint" && !Number.isSafeInteger(Number(value));

/** Throws where a statement of the query builder writes such a value into an integer column, and names the column. */
export function refuseUnsafeIntegers(query: OperationNode, tables: Tables): void {
  for (const { table, column, value } of written(query)) {
    if (tables[table]?.columns[column]?.kind === "integer" && isUnsafeInteger(value))
      throw new RangeError(
        `The column ${table}.${column} cannot hold ${String(value)}: only whole numbers up to 2^53 - 1 can be read again.`,
      );
  }
}

interface Written {
  readonly table: string;
  readonly column: string;
  readonly value: unknown;
}

function* written(query: OperationNode): Generator<Written> {
  if (InsertQueryNode.is(query)) {
    const { into, columns = [], values, onConflict } = query;
    const table = into?.table.identifier.name ?? "";
    for (const row of values !== undefined && ValuesNode.is(values) ? values.values : [])
      for (const [at, value] of valuesOf(row).entries()) yield { table, column: columns[at]?.column.name ?? "", value };
    yield* updated(table, onConflict?.updates ?? []);
  } else if (UpdateQueryNode.is(query)) {
    const { table, updates = [] } = query;
    if (table !== undefined && TableNode.is(table)) yield* updated(table.table.identifier.name, updates);
  }
}

function* updated(table: string, updates: readonly ColumnUpdateNode[]): Generator<Written> {
  for (const { column, value } of updates)
    if (ColumnNode.is(column)) yield { table, column: column.column.name, value: valueOf(value) };
}

const valuesOf = (row: ValueListNode | PrimitiveValueListNode): readonly unknown[] =>
  row.kind === "PrimitiveValueListNode" ? row.values : row.values.map(valueOf);
const valueOf = (node: OperationNode): unknown => (ValueNode.is(node) ? node.value : undefined);
