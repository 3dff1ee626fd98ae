import type { Client } from "pg";
import { quote } from "./ddl.ts";
import type { Begin, Insert, Result, Row, Session } from "./engine.ts";
import { badParameter, conflictClause, numbered, RecentlyUsed } from "./statements.ts";

/** A transaction that can be asked about when its connection is gone. */
export interface TransactionId {
  readonly xid: string;
  /** Of the server process that runs it. */
  readonly pid: number;
}

export interface PostgresSession extends Session {
  /** Of the open transaction; gives it an xid where it has none. The last statement before a commit whose outcome may have to be looked up. */
  transactionId(): Promise<TransactionId>;
}

/** The connection ended, or was never there; whether an open COMMIT went through is not known. */
export class ConnectionLost extends Error {}

interface Known {
  readonly text: string;
  /** Given at the second use; the server keeps the plan under it. */
  name: string | undefined;
  used: boolean;
}

/** Named statements live in the server as long as the connection: what comes later is parsed each time. */
const mostNames = 500;

export class OpenPostgresSession implements PostgresSession {
  readonly #client: Client;
  readonly #known = new RecentlyUsed<Known>(1000);
  #names = 0;
  #lost: Error | undefined;
  #closed = false;

  /** Given before the client connects, as an error that nobody listens to ends the process. */
  constructor(client: Client) {
    this.#client = client;
    client.on("error", (error) => {
      this.#lost ??= error;
    });
    client.on("end", () => {
      this.#lost ??= new Error("The connection was closed.");
    });
  }

  async run(sql: string, parameters: readonly unknown[] = []): Promise<Result> {
    const known = this.#lookUp(sql);
    try {
      const { rows, rowCount } = await this.#query(known.text, parameters.map(bind), known.name);
      return { rows, changes: rowCount ?? 0 };
    } catch (error) {
      // The table was changed since: the next use gets a new plan, under a new name.
      if (isStalePlan(error)) known.name = undefined;
      throw error;
    }
  }

  async insertMany({ into, columns, rows, onConflict, returning = [] }: Insert): Promise<readonly Row[]> {
    if (rows.length === 0) return [];
    const names = columns.map(({ name }) => quote(name)).join(", ");
    const arrays = columns.map(({ type }, at) => `$${String(at + 1)}::${type}[]`).join(", ");
    const sql = `INSERT INTO ${quote(into)} (${names}) SELECT * FROM unnest(${arrays})${conflictClause(onConflict)}${returning.length === 0 ? "" : ` RETURNING ${returning.map(quote).join(", ")}`}`;
    const known = this.#lookUp(sql);
    const values = columns.map((_, at) => rows.map((row) => bind(row[at])));
    return (await this.#query(known.text, values, known.name)).rows;
  }

  async runWithList(
    sql: string,
    parameters: readonly unknown[],
    { type, values }: { readonly type: Insert["columns"][number]["type"]; readonly values: readonly unknown[] },
  ): Promise<Result> {
    const known = this.#lookUp(`${sql} = ANY (?::${type}[])`);
    const bound: unknown[] = parameters.map(bind);
    bound.push(values.map(bind));
    const { rows, rowCount } = await this.#query(known.text, bound, known.name);
    return { rows, changes: rowCount ?? 0 };
  }

  async begin(mode: "write" | "read", { isolation = "serializable", lockMs }: Begin = {}): Promise<void> {
    const begin =
      mode === "read"
        ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        : `BEGIN ISOLATION LEVEL ${isolation === "serializable" ? "SERIALIZABLE" : "READ COMMITTED"}`;
    await this.#query(lockMs === undefined ? begin : `${begin}; SET LOCAL lock_timeout = ${String(lockMs)}`);
  }

  async commit(): Promise<void> {
    const { command } = await this.#query("COMMIT");
    if (command !== "COMMIT")
      throw new Error("Nothing was committed: a statement of the transaction had failed, and PostgreSQL rolled back.");
  }

  async rollback(): Promise<void> {
    if (!this.inTransaction()) return;
    try {
      await this.#query("ROLLBACK");
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  async savepoint(): Promise<void> {
    await this.#query("SAVEPOINT unit");
  }
  async release(): Promise<void> {
    await this.#query("RELEASE unit");
  }
  async rollbackToSavepoint(): Promise<void> {
    await this.#query("ROLLBACK TO unit; RELEASE unit");
  }

  inTransaction(): boolean {
    const status = this.#client.getTransactionStatus();
    return this.#lost === undefined && (status === "T" || status === "E");
  }

  async transactionId(): Promise<TransactionId> {
    const { rows } = await this.run("SELECT pg_current_xact_id()::text AS xid, pg_backend_pid() AS pid");
    return { xid: String(rows[0]?.["xid"]), pid: Number(rows[0]?.["pid"]) };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.end();
  }

  #lookUp(sql: string): Known {
    const known = this.#known.get(sql);
    if (known === undefined) {
      const first: Known = { text: numbered(sql), name: undefined, used: true };
      this.#known.set(sql, first);
      return first;
    }
    if (known.name === undefined && this.#names < mostNames) known.name = `h${String((this.#names += 1))}`;
    return known;
  }

  async #query(text: string, values?: readonly unknown[], name?: string) {
    if (this.#lost !== undefined) throw new ConnectionLost(this.#lost.message, { cause: this.#lost });
    try {
      return await this.#client.query<Record<string, unknown>>({
        text,
        ...(values === undefined || values.length === 0 ? {} : { values: [...values] }),
        ...(name === undefined ? {} : { name }),
      });
    } catch (error) {
      // An answer of the server has a SQLSTATE, and says itself what happened.
      if (this.#isLost() && sqlState(error) === undefined)
        throw new ConnectionLost("The connection to PostgreSQL was lost.", { cause: error });
      throw error;
    }
  }

  /** It may have become so while a statement was under way. */
  #isLost(): boolean {
    return this.#lost !== undefined;
  }
}

function bind(value: unknown): string | number | bigint | boolean | null | Uint8Array {
  if (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "boolean" ||
    value === null ||
    value instanceof Uint8Array
  )
    return value;
  if (value === undefined) return null;
  throw badParameter(value);
}

/** Five characters (https://www.postgresql.org/docs/current/errcodes-appendix.html); undefined where no server answered. */
export const sqlState = (error: unknown): string | undefined =>
  // Only a server's answer has a severity; Node's EPIPE would pass for a state.
  error instanceof Error && "severity" in error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

/** 0A000 is any feature that is not supported; only the routine tells this one. */
export const isStalePlan = (error: unknown): boolean =>
  sqlState(error) === "0A000" &&
  error instanceof Error &&
  "routine" in error &&
  error.routine === "RevalidateCachedQuery";
