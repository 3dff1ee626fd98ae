import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type Dialect,
  type KyselyPlugin,
  type QueryCompiler,
  type QueryExecutor,
  type QueryId,
  type QueryResult,
  type RootOperationNode,
  type DialectAdapter,
} from "kysely";
import type { Engine, Result, Row } from "./engine.ts";
import { isUnsafeInteger, refuseUnsafeIntegers } from "./safe-integers.ts";
import type { Statement } from "./turn.ts";
import type { Tables } from "./tables.ts";

export type Issue = (statement: Statement) => Promise<Result>;

const dialects: Readonly<Record<Engine["name"], Dialect>> = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
  postgres: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
};

/** Makes a Kysely for each turn; what can be shared between turns is made once. */
export function kyselyFactory(
  engine: Engine["name"],
  tables: Tables,
): (issue: Issue) => { readonly db: Kysely<never> } {
  const dialect = dialects[engine];
  const compiler = dialect.createQueryCompiler();
  const adapter = dialect.createAdapter();
  const driver = new DummyDriver();
  const revive = reviver(engine, tables);
  return (issue) => {
    const executor = new Executor(compiler, adapter, async <R>(query: CompiledQuery) => {
      if (query.parameters.some(isUnsafeInteger)) refuseUnsafeIntegers(query.query, tables);
      const { rows, changes } = await issue(statementOf(query, engine));
      // Proof: Kysely's types of rows come from the same tables as the rows.
      return { rows: revive(rows) as R[], numAffectedRows: BigInt(changes) };
    });
    return { db: new Kysely<never>({ config: { dialect }, dialect, driver, executor }) };
  };
}

type Execute = <R>(query: CompiledQuery) => Promise<QueryResult<R>>;
function refuse(what: string): never {
  throw new Error(`${what} is not possible in a unit of work: it has one connection, and reads in pages.`);
}
const noPlugins: readonly KyselyPlugin[] = [];

/** Kysely's way to the turn, without connections to take and give back. */
class Executor implements QueryExecutor {
  readonly adapter: DialectAdapter;
  readonly plugins = noPlugins;
  readonly executeQuery: Execute;
  readonly #compiler: QueryCompiler;

  constructor(compiler: QueryCompiler, adapter: DialectAdapter, execute: Execute) {
    this.#compiler = compiler;
    this.adapter = adapter;
    this.executeQuery = execute;
  }

  transformQuery<T extends RootOperationNode>(node: T): T {
    return node;
  }
  compileQuery<R>(node: RootOperationNode, queryId: QueryId): CompiledQuery<R> {
    return this.#compiler.compileQuery(node, queryId);
  }
  provideConnection(): never {
    return refuse("A connection of one's own");
  }
  stream(): never {
    return refuse("Streaming a query");
  }
  withConnectionProvider(): never {
    return refuse("Another connection");
  }
  withPlugin(): never {
    return refuse("A plugin");
  }
  withPlugins(): never {
    return refuse("A plugin");
  }
  withPluginAtFront(): never {
    return refuse("A plugin");
  }
  withoutPlugins(): QueryExecutor {
    return this;
  }
}

/** A unit that ended its transaction would commit its neighbours' work early, or undo it. */
const ofTransactions =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|rollback|savepoint|release|prepare\s+transaction)\b/i;

function statementOf({ sql, parameters, query }: CompiledQuery, engine: Engine["name"]): Statement {
  const refused = query.kind === "RawNode" ? ofTransactions.exec(sql)?.[0].trim().toUpperCase() : undefined;
  if (refused !== undefined)
    throw new Error(
      `${refused} is not possible in a unit of work: the kit begins and ends its transaction. Throw an error to undo the unit.`,
    );
  return {
    // One writer at a time: SQLite has, and needs, no row locks.
    sql: engine === "sqlite" && sql.endsWith(" for update") ? sql.slice(0, -" for update".length) : sql,
    parameters: parameters.map(encode),
    writes: query.kind === "SelectQueryNode" ? false : query.kind === "RawNode" ? !/^\s*select\b/i.test(sql) : true,
  };
}

/** Objects and arrays are JSON. */
function encode(value: unknown): unknown {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) ? JSON.stringify(value) : value;
}

/** Columns of kind json and boolean come back as they went in; found by their names, which is why two kinds may not share one. */
function reviver(engine: Engine["name"], tables: Tables): (rows: readonly Row[]) => readonly Row[] {
  const kinds = new Map<string, "json" | "boolean">();
  for (const { columns } of Object.values(tables)) {
    for (const [name, { kind }] of Object.entries(columns)) {
      if (kind === "json" || (kind === "boolean" && engine === "sqlite")) kinds.set(name, kind);
    }
  }
  if (kinds.size === 0) return (rows) => rows;
  return (rows) =>
    rows.map((row) => {
      const copy: Record<string, unknown> = { ...row };
      for (const [name, kind] of kinds) {
        const value = copy[name];
        if (kind === "json" && typeof value === "string") copy[name] = JSON.parse(value);
        else if (kind === "boolean" && typeof value === "number") copy[name] = value !== 0;
      }
      return copy;
    });
}

/** Column names that would be read in two ways, as sentences. */
export function nameFaults(tables: Tables): readonly string[] {
  const kinds = new Map<string, string>();
  const faults: string[] = [];
  for (const [table, { columns }] of Object.entries(tables)) {
    for (const [name, { kind }] of Object.entries(columns)) {
      const special = kind === "json" || kind === "boolean" ? kind : "plain";
      const other = kinds.get(name);
      if (other !== undefined && other !== special)
        faults.push(
          `the column ${table}.${name} is ${kind}, and another table has a column of that name and another kind: give one of them another name.`,
        );
      kinds.set(name, special);
    }
    if (table.startsWith("holdfast_"))
      faults.push(`the table ${table} begins with holdfast_, which is for the kit's own.`);
  }
  return faults;
}
