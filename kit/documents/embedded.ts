import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  fileFault,
  GroupWriter,
  isWritersFault,
  LaneMeter,
  sqliteEngine,
  textOf,
  type ErrorClass,
  type Insert,
  type Session,
  type SqliteOptions,
} from "../sql/index.ts";
import { noMetrics } from "../telemetry/index.ts";
import type { Doc, DocumentEngine, Find, Index, Scalar, Where } from "./engine.ts";

export interface EmbeddedOptions {
  /** The file; folders are made. Several processes may use it. */
  readonly file: string;
  /** `none` gives up durability for speed: tests only. */
  readonly durability: "full" | "none";
  /** Throws where the file is missing or empty. @default it is made */
  readonly onMissing?: SqliteOptions["onMissing"];
  readonly runtime: Runtime;
  /** @default nothing is counted */
  readonly meter?: LaneMeter;
  /** The disk failed at a commit: the process must end. */
  readonly onFatal: (error: unknown) => void;
}

/** JSON documents in an SQLite file, a table a collection. What is written at the same time shares a sync. */
export async function embeddedDocuments({
  file,
  durability,
  onMissing,
  runtime,
  meter = new LaneMeter(noMetrics, "", runtime.clock),
  onFatal,
}: EmbeddedOptions): Promise<DocumentEngine> {
  const engine = sqliteEngine({ file, durability, onMissing });
  const session = await engine.open("writer");
  const reader = await engine.open("reader");
  const refusal = (error: unknown) => refused(error, error === undefined ? undefined : engine.classify(error));
  const writer = new GroupWriter({ engine, session, runtime, meter, onFatal, refusal });
  const read = async (sql: string, parameters: readonly unknown[]) => {
    try {
      return (await reader.run(sql, parameters)).rows;
    } catch (error) {
      throw refusal(error);
    }
  };
  return {
    name: "embedded",
    scans: "snapshot",
    ensure: (collections) =>
      writer.write(async (on) => {
        for (const [name, indexes] of Object.entries(collections)) await make(on, name, indexes);
      }),
    async get(collection, id) {
      const [row] = await read(`SELECT doc FROM ${quote(collection)} WHERE id = ?`, [id]);
      return row === undefined ? undefined : docOf(row);
    },
    insert: (collection, documents) => writer.write((on) => insert(on, collection, documents)),
    replace: (collection, doc, version) => writer.write((on) => replace(on, collection, { doc, version })),
    remove: (collection, ids, version) => writer.write((on) => remove(on, collection, { ids, version })),
    apply: (steps) =>
      // All in one transaction: a group that fails is undone and taken again, step by step.
      writer.write(async (on) => {
        for (const step of steps) {
          if (step.at !== undefined) runtime.faults.at(step.at);
          if (step.do === "insert") await insert(on, step.collection, step.documents);
          else if (step.do === "put") await insert(on, step.collection, [step.document], unless(step.unless));
          else if (step.do === "remove") await remove(on, step.collection, { ids: step.ids, version: undefined });
          else if (step.do === "create") {
            if ((await insert(on, step.collection, [step.document])).size === 0) return false;
          } else if (!(await replace(on, step.collection, { doc: step.document, version: step.version }))) return false;
        }
        return true;
      }),
    async find(collection, find) {
      const { where, parameters } = conditions(find);
      const order = [...(find.sort ?? []).map(field), "id"].map((by) => (find.backwards === true ? `${by} DESC` : by));
      const sql = `SELECT doc FROM ${quote(collection)}${where} ORDER BY ${order.join(", ")} LIMIT ?`;
      return (await read(sql, [...parameters, find.limit])).map(docOf);
    },
    async count(collection, where = {}, most = -1) {
      const found = conditions(where);
      const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM ${quote(collection)}${found.where} LIMIT ?)`;
      const [row] = await read(sql, [...found.parameters, most]);
      return Number(row?.["n"]);
    },
    commitMs: () => meter.commitMs,
    check: async () => ({ gone: fileFault(engine), fault: await writer.check() }),
    async close() {
      await writer.close();
      await session.close();
      await reader.close();
      await engine.close();
    },
  };
}

/** What `insert` does where a document is there. */
const unless = (name: string) =>
  `(id) DO UPDATE SET version = excluded.version, doc = excluded.doc WHERE ${field(name)} IS NULL` as const;

async function insert(
  on: Session,
  collection: string,
  documents: readonly Doc[],
  onConflict: NonNullable<Insert["onConflict"]> = "nothing",
): Promise<ReadonlySet<string>> {
  const inserted = await on.insertMany({
    into: collection,
    columns: [
      { name: "id", type: "text" },
      { name: "version", type: "bigint" },
      { name: "doc", type: "text" },
    ],
    rows: documents.map((doc) => [doc._id, doc.version, JSON.stringify(doc)]),
    onConflict,
    returning: ["id"],
  });
  return new Set(inserted.map((row) => textOf(row, "id")));
}

async function replace(
  on: Session,
  collection: string,
  { doc, version }: { readonly doc: Doc; readonly version: number },
): Promise<boolean> {
  const sql = `UPDATE ${quote(collection)} SET version = ?, doc = ? WHERE id = ? AND version = ?`;
  const { changes } = await on.run(sql, [doc.version, JSON.stringify(doc), doc._id, version]);
  return changes === 1;
}

async function remove(
  on: Session,
  collection: string,
  { ids, version }: { readonly ids: readonly string[]; readonly version: number | undefined },
): Promise<void> {
  const sql = `DELETE FROM ${quote(collection)} WHERE ${version === undefined ? "" : "version = ? AND "}id`;
  await on.runWithList(sql, version === undefined ? [] : [version], { type: "text", values: ids });
}

async function make(session: Session, name: string, indexes: readonly Index[]): Promise<void> {
  await session.run(
    `CREATE TABLE IF NOT EXISTS ${quote(name)} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID`,
  );
  for (const { on } of indexes) {
    const index = quote(`${name} by ${on.join(" ")}`);
    await session.run(`CREATE INDEX IF NOT EXISTS ${index} ON ${quote(name)} (${[...on.map(field), "id"].join(", ")})`);
  }
}

/** The text of an expression must be that of its index. */
const field = (name: string): string => `(doc ->> '$."${name.replaceAll("'", "''")}"')`;
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** As `->>` gives it back. */
const bound = (value: Scalar): string | number => (typeof value === "boolean" ? Number(value) : value);

function conditions({ where = {}, atMost, sort = [], after }: Where & Pick<Find, "sort" | "after">) {
  const parts: string[] = [];
  const parameters: (string | number)[] = [];
  const add = (sql: string, ...values: readonly Scalar[]) => {
    parts.push(sql);
    parameters.push(...values.map(bound));
  };
  for (const [name, value] of Object.entries(where)) {
    if (value === null) add(`${field(name)} IS NULL`);
    else add(`${field(name)} = ?`, value);
  }
  if (atMost !== undefined) add(`${field(atMost.field)} <= ?`, atMost.value);
  if (after !== undefined) {
    const behind = behindOf([...sort.map(field), "id"], after);
    add(behind.sql, ...behind.values);
  }
  return { where: parts.length === 0 ? "" : ` WHERE ${parts.join(" AND ")}`, parameters };
}

/** (a, b) > (x, y), with what is absent below everything. A comparison of rows is of no use where a value is NULL. */
function behindOf(columns: readonly string[], after: readonly (Scalar | null)[]) {
  const values = after.filter((value) => value !== null);
  const [first] = values;
  if (values.length === after.length && first !== undefined) {
    // The index of an expression is not entered by a comparison of rows, but by one of its first column.
    const from = columns.length > 1 ? `${columns[0] ?? ""} >= ? AND ` : "";
    const sql = `${from}(${columns.join(", ")}) > (${columns.map(() => "?").join(", ")})`;
    return { sql, values: columns.length > 1 ? [first, ...values] : values };
  }
  const equal = (at: number) => (after[at] === null ? `${columns[at] ?? ""} IS NULL` : `${columns[at] ?? ""} = ?`);
  const ways = columns.map((column, at) => {
    const last = after[at] === null ? `${column} IS NOT NULL` : `${column} > ?`;
    return [...columns.slice(0, at).map((_, earlier) => equal(earlier)), last].join(" AND ");
  });
  return {
    sql: `(${ways.map((way) => `(${way})`).join(" OR ")})`,
    values: columns.flatMap((_, at) => after.slice(0, at + 1).filter((value) => value !== null)),
  };
}

/** Proof: written by `insert` and `replace` alone, which take documents. */
const docOf = (row: Readonly<Record<string, unknown>>): Doc => JSON.parse(textOf(row, "doc")) as Doc; // Proof: see above.

function refused(error: unknown, kind: ErrorClass | undefined): Error {
  if (kind === undefined) return kitProblems.unavailable({ reason: "The document store is closed." });
  if (kind === "unknown") return kitProblems.outcomeUnknown({}, { cause: error });
  if (error instanceof Error && isWritersFault(kind, { committing: false })) return error;
  return kitProblems.unavailable({ reason: "The document store cannot be reached." }, { cause: error });
}
