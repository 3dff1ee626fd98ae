import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * What the shop leaves of many orders, made by SQL from what it left of a few: every row of a table is written again with new ids, so that rows are
 * as the kit writes them, whatever its columns are.
 */
export interface Copy {
  readonly file: string;
  readonly table: string;
  /** Columns that say what kind of row it is: one of each kind is copied. @default one row */
  readonly kinds?: readonly string[];
  /** Columns that get an id of the row's own, and those that get one that the rows of an order share. */
  readonly ids: readonly string[];
  readonly shared?: readonly string[];
}

/** Of one order of `bench/shop`. */
export const leftByOrders: readonly Copy[] = [
  { file: "orders", table: "orders", ids: ["id"] },
  { file: "billing", table: "invoices", ids: ["id"], shared: ["order_id"] },
  { file: "notifications", table: "notifications", kinds: ["kind"], ids: ["id"], shared: ["order_id"] },
  ...["inventory", "billing", "notifications"].map((file) => ({
    file,
    table: "holdfast_inbox",
    kinds: ["subscription"],
    ids: ["messageId"],
  })),
  { file: "broker", table: "log", kinds: ["type"], ids: ["messageId"] },
];

/** UUIDv7 of yesterday, in order, as the kit's are; `salt`, SQL for a number below 16, keeps those of one order apart. */
const newId = (salt: string): string => {
  const since = String(Date.now() - 86_400_000);
  const ms = `(${since} + n.value / 16)`;
  return `printf('%08x-%04x-7%03x-8%03x-%012x', ${ms} >> 16, ${ms} & 65535, (n.value >> 12) & 4095, n.value & 4095, n.value * 16 + ${salt})`;
};
const numbers = (count: number): string =>
  `(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${String(count)}) SELECT value FROM n)`;

const open = (folder: string, file: string): DatabaseSync => {
  const db = new DatabaseSync(path.join(folder, `${file}.db`));
  // It need not survive anything: whoever measures starts over.
  db.exec("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -200000;");
  return db;
};

/** The columns that are written: an identity numbers itself. */
const columnsOf = (db: DatabaseSync, table: string): readonly string[] =>
  db
    .prepare("SELECT name FROM pragma_table_info(?) WHERE NOT (pk = 1 AND type = 'INTEGER')")
    .all(table)
    .map((row) => String(row["name"]));

const quote = (name: string): string => `"${name}"`;

/** Writes what `count` orders leave. The shop is not running, and has taken at least one order. */
export function fillOrders(folder: string, count: number): void {
  for (const { file, table, kinds = [], ids, shared = [] } of leftByOrders) {
    using db = open(folder, file);
    const columns = columnsOf(db, table);
    const values = columns.map((name) =>
      ids.includes(name) ? newId("one.nth") : shared.includes(name) ? newId("0") : `one.${quote(name)}`,
    );
    const groups = kinds.length === 0 ? "" : ` GROUP BY ${kinds.map(quote).join(", ")}`;
    const one = `(SELECT *, row_number() OVER () AS nth FROM ${table} WHERE rowid IN (SELECT min(rowid) FROM ${table}${groups}))`;
    const written = db
      .prepare(
        `INSERT INTO ${table} (${columns.map(quote).join(", ")}) SELECT ${values.join(", ")} FROM ${numbers(count)} n CROSS JOIN ${one} one`,
      )
      .run();
    if (Number(written.changes) < count)
      throw new Error(`${file}.${table}: ${String(written.changes)} rows were written.`);
    // All of it has been read.
    if (table === "log")
      db.exec(`UPDATE positions SET "offset" = (SELECT max("offset") FROM log WHERE type = positions.topic)`);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE);");
  }
}

/** Parks so many messages of one key with billing: the first fails until tomorrow, the others wait behind it. */
export function fillWaiting(folder: string, count: number): void {
  using db = open(folder, "billing");
  db.prepare("ATTACH ? AS broker").run(path.join(folder, "broker.db"));
  const { subscription } = db.prepare("SELECT subscription FROM holdfast_inbox LIMIT 1").get() ?? {};
  const own: Readonly<Record<string, string>> = {
    subscription: `'${String(subscription)}'`,
    messageId: newId("0"),
    key: "'poisoned'",
    attempts: "iif(n.value = 1, 3, 0)",
    nextAt: `iif(n.value = 1, ${String(Date.now() + 86_400_000)}, NULL)`,
    error: "'it fails'",
    redrive: "0",
    claimedBy: "NULL",
    claimedUntil: "NULL",
    deadLetter: "NULL",
  };
  const columns = columnsOf(db, "holdfast_parked");
  const values = columns.map((name) => own[name] ?? `one.${quote(name)}`);
  db.exec(
    `INSERT INTO holdfast_parked (${columns.map(quote).join(", ")}) SELECT ${values.join(", ")} FROM ${numbers(count)} n CROSS JOIN (SELECT * FROM broker.log WHERE type = 'order.created' LIMIT 1) one`,
  );
  db.exec("PRAGMA wal_checkpoint(TRUNCATE);");
}
