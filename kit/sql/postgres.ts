import type { ClientConfig } from "pg";
import { quote } from "./ddl.ts";
import type { Engine, ErrorClass } from "./engine.ts";
import {
  ConnectionLost,
  isStalePlan,
  OpenPostgresSession,
  sqlState,
  type PostgresSession,
  type TransactionId,
} from "./postgres-session.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** A namespace of its own in the database; made where it is missing. Default: `public`. */
  readonly schema?: string;
  /** In ms; 0 is without limit. Default: 10 s. */
  readonly connectTimeoutMs?: number;
  /** In ms; 0 is without limit. Default: 30 s. */
  readonly statementTimeoutMs?: number;
  /** How long a statement waits for another transaction's lock, in ms; then it is a conflict. 0 is without limit. Default: 5 s. */
  readonly lockTimeoutMs?: number;
}

/** `forgotten`: too long ago for the server to know. */
export type TransactionFate = "committed" | "aborted" | "running" | "forgotten";

export interface PostgresEngine extends Engine {
  open(role: "writer" | "reader"): Promise<PostgresSession>;
  /** What became of a transaction, asked on a connection of its own. Ask again while it is `running`. */
  fateOf(transaction: TransactionId): Promise<TransactionFate>;
  /** Ends the server process that runs it, if it still does; false where it does not, so that a reused process id is never hit. */
  terminate(transaction: TransactionId): Promise<boolean>;
}

/** Needs the package `pg`, which is loaded when the first session is opened. Sessions are closed by who opened them. */
export function postgresEngine(options: PostgresOptions): PostgresEngine {
  const { schema = "public" } = options;
  let prepared: Promise<void> | undefined;
  /** Once. */
  const prepare = (work: () => Promise<void>) =>
    (prepared ??= work().catch((error: unknown) => {
      prepared = undefined;
      throw error;
    }));
  return {
    name: "postgres",
    async open(role) {
      // A reader could not make it on its own connection.
      if (role === "reader") await prepare(() => aside(options, async (session) => makeSchema(session, schema)));
      const session = await connect(options, settingsOf(options, role));
      try {
        await prepare(() => makeSchema(session, schema));
        return session;
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    classify,
    async fateOf({ xid }) {
      const { rows } = await aside(options, async (session) =>
        session.run("SELECT pg_xact_status(?::text::xid8) AS fate", [xid]),
      );
      const fate = rows[0]?.["fate"];
      return fate === "committed" || fate === "aborted" ? fate : fate === "in progress" ? "running" : "forgotten";
    },
    async terminate({ xid, pid }) {
      const { rows } = await aside(options, async (session) =>
        session.run(
          "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE pid = ? AND backend_xid = ?::text::xid8::xid",
          [pid, xid],
        ),
      );
      return rows[0]?.["ended"] === true;
    },
    close: () => Promise.resolve(),
  };
}

async function connect(options: PostgresOptions, settings?: string): Promise<OpenPostgresSession> {
  const { Client } = await loadDriver();
  const client = new Client(configOf(options));
  const session = new OpenPostgresSession(client);
  try {
    await client.connect();
    if (settings !== undefined) await client.query(settings);
    return session;
  } catch (error) {
    await client.end().catch(() => undefined);
    if (sqlState(error) !== undefined) throw error;
    throw new ConnectionLost("PostgreSQL could not be reached.", { cause: error });
  }
}

/** On a connection that is there for this alone. */
async function aside<T>(options: PostgresOptions, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = await connect(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Two processes may make it at once: one of them then finds it in the catalogue, `IF NOT EXISTS` or not. */
async function makeSchema(session: PostgresSession, schema: string): Promise<void> {
  const { rows } = await session.run("SELECT FROM pg_namespace WHERE nspname = ?", [schema]);
  if (rows.length > 0) return;
  try {
    await session.run(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`);
  } catch (error) {
    const state = sqlState(error);
    if (state !== "23505" && state !== "42P06") throw error;
  }
}

function settingsOf(
  { schema = "public", statementTimeoutMs = 30_000, lockTimeoutMs = 5_000 }: PostgresOptions,
  role: "writer" | "reader",
): string {
  const settings = [
    `SET search_path = ${quote(schema)}`,
    `SET statement_timeout = ${String(statementTimeoutMs)}`,
    `SET lock_timeout = ${String(lockTimeoutMs)}`,
  ];
  if (role === "reader")
    settings.push("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  return settings.join("; ");
}

async function loadDriver() {
  try {
    return await import("pg");
  } catch (error) {
    throw new Error("PostgreSQL needs the package pg: npm install pg", { cause: error });
  }
}

function configOf({ url, connectTimeoutMs = 10_000 }: PostgresOptions): ClientConfig {
  return {
    connectionString: url,
    application_name: "holdfast",
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    types: { getTypeParser: (oid: number) => parsers[oid] ?? asIs },
  };
}

const asIs = (text: string): string => text;

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`The whole number ${text} is beyond 2^53: cast it to text.`);
  return value;
}

/** Sums and averages are numeric; no column is. */
const numeric = (text: string): number => (/^-?\d+$/.test(text) ? integer(text) : Number(text));

/** By the oids of bool, bytea, int8, int2, int4, oid, float4, float8 and numeric; all else is text as PostgreSQL writes it, times and JSON too. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === "t",
  // A copy: small buffers share their memory.
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")),
  20: integer,
  21: Number,
  23: Number,
  26: Number,
  700: Number,
  701: Number,
  1700: numeric,
};

/** By SQLSTATE, or its first two characters. */
function classify(error: unknown): ErrorClass {
  if (error instanceof ConnectionLost) return "lost";
  if (isStalePlan(error)) return "conflict";
  const state = sqlState(error);
  if (state === undefined) return "other";
  if (["40001", "40P01", "55P03"].includes(state)) return "conflict";
  if (state === "23505") return "unique";
  // disk_full, read_only_sql_transaction: the server answers, and reads go on
  if (state === "53100" || state === "25006") return "unwritable";
  // 08 connection, 53 other resources such as connections, 57P0x shutdown and termination, 58 I/O, XX001/XX002 corruption
  if (/^(?:08|53|57P0[1-5]|58|XX00[12])/.test(state)) return "lost";
  // 22 data, 23 integrity, 44 check of a view, P0 raised by a trigger
  return /^(?:22|23|44|P0)/.test(state) ? "constraint" : "other";
}
