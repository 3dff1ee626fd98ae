import type { Index, Kind, Shape, Table } from "./tables.ts";

export type Dialect = "sqlite" | "postgres";

const types: Readonly<Record<Dialect, Readonly<Record<Kind, string>>>> = {
  sqlite: { text: "TEXT", integer: "INTEGER", real: "REAL", boolean: "INTEGER", json: "TEXT", blob: "BLOB" },
  postgres: {
    text: "text",
    integer: "bigint",
    real: "double precision",
    boolean: "boolean",
    json: "text",
    blob: "bytea",
  },
};

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export function createTable(
  name: string,
  { columns, primaryKey, indexes }: Table,
  dialect: Dialect,
): readonly string[] {
  const identity = Object.values(columns).some((column) => column.identity);
  const lines = Object.entries(columns).map(([field, column]) => columnDdl(field, column, dialect));
  if (primaryKey.length > 0 && !(identity && dialect === "sqlite"))
    lines.push(`PRIMARY KEY (${primaryKey.map(quote).join(", ")})`);
  return [
    `CREATE TABLE ${quote(name)} (\n  ${lines.join(",\n  ")}\n)`,
    ...indexes.map((index) => createIndex(name, index)),
  ];
}

export const addColumn = (table: string, field: string, column: Shape, dialect: Dialect): string =>
  `ALTER TABLE ${quote(table)} ADD COLUMN ${columnDdl(field, column, dialect)}`;

export const indexName = (table: string, { on }: Index): string => `${table}_${on.join("_")}`;

export const createIndex = (table: string, index: Index): string =>
  `CREATE ${index.unique === true ? "UNIQUE " : ""}INDEX ${quote(indexName(table, index))} ON ${quote(table)} (${index.on.map(quote).join(", ")})`;

function columnDdl(field: string, { kind, nullable, identity, default: fallback }: Shape, dialect: Dialect): string {
  if (identity)
    return `${quote(field)} ${dialect === "sqlite" ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "bigint GENERATED ALWAYS AS IDENTITY (CACHE 1)"}`;
  const literal =
    fallback === undefined
      ? ""
      : ` DEFAULT ${typeof fallback === "number" ? String(fallback) : `'${fallback.replaceAll("'", "''")}'`}`;
  return `${quote(field)} ${types[dialect][kind]}${nullable ? "" : " NOT NULL"}${literal}`;
}
