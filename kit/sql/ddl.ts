import { createHash } from "node:crypto";
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
    `CREATE TABLE ${quote(name)} (\n  ${lines.join(",\n  ")}\n)${dialect === "sqlite" ? " STRICT" : ""}`,
    ...indexes.map((index) => createIndex(name, index)),
  ];
}

export const addColumn = (table: string, field: string, column: Shape, dialect: Dialect): string =>
  `ALTER TABLE ${quote(table)} ADD COLUMN ${columnDdl(field, column, dialect)}`;

/** PostgreSQL cuts longer names without a word, and two of them may then be one. */
const longestName = 63;

/** `orders(customerId,number) unique`: no two indexes, and no index and table, can come to one name. */
export function indexName(table: string, { on, unique }: Index): string {
  const name = `${table}(${on.join(",")})${unique === true ? " unique" : ""}`;
  if (Buffer.byteLength(name) <= longestName) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  // A character is at most three bytes a unit: 15 of them and the hash always fit.
  return `${name.slice(0, 15)}…${hash}`;
}

export const createIndex = (table: string, index: Index): string =>
  `CREATE ${index.unique === true ? "UNIQUE " : ""}INDEX ${quote(indexName(table, index))} ON ${quote(table)} (${index.on.map(quote).join(", ")})`;

function columnDdl(field: string, column: Shape, dialect: Dialect): string {
  const { kind, nullable, identity, default: fallback } = column;
  if (identity)
    return `${quote(field)} ${dialect === "sqlite" ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "bigint GENERATED ALWAYS AS IDENTITY (CACHE 1)"}`;
  const literal = fallback === undefined ? "" : ` DEFAULT ${literalOf(fallback, kind, dialect)}`;
  const rule = ruleOf(kind, dialect);
  const check = rule === undefined ? "" : ` CHECK (${quote(field)} ${rule})`;
  return `${quote(field)} ${types[dialect][kind]}${nullable ? "" : " NOT NULL"}${literal}${check}`;
}

/** What the type of the database lets through and the kind of column does not. A whole number beyond 2^53 could not be read again. */
function ruleOf(kind: Kind, dialect: Dialect): string | undefined {
  const most = String(Number.MAX_SAFE_INTEGER);
  if (kind === "integer") return `BETWEEN -${most} AND ${most}`;
  return kind === "boolean" && dialect === "sqlite" ? "IN (0, 1)" : undefined;
}

/** Negative numbers are put in parentheses: a bare sign is no literal to every parser. */
function literalOf(value: string | number, kind: Kind, dialect: Dialect): string {
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (kind === "boolean" && dialect === "postgres") return value === 0 ? "false" : "true";
  return value < 0 ? `(${String(value)})` : String(value);
}
