import type { Runtime } from "../runtime/index.ts";
import type { Begin, Engine, ErrorClass, Insert, Result, Row, Session } from "./engine.ts";
import { ConnectionLost, type PostgresSession, type TransactionId } from "./postgres-session.ts";
import type { PostgresEngine } from "./postgres.ts";

/** The connection was lost at a commit, which then turned out not to have happened. */
class CommitAborted extends Error {}
/** The connection was lost at a commit, and nobody could say in time whether it happened. */
class OutcomeUnknown extends Error {}

/** How long the outcome of a commit is looked for, and how often it is asked for. */
const lookUpMs = 5_000;
const askMs = 50;

export interface ReconnectingOptions {
  /** `full`: a commit is on disk when it returns, whatever the server's default. `none`: tests only. */
  readonly durability: "full" | "none";
  readonly runtime: Pick<Runtime, "clock" | "timers">;
}

/**
 * Sessions that outlive their connections: a new one is made between transactions, and a commit whose answer was lost is looked up. `commit` then resolves
 * when it happened, fails as a conflict when it did not, and as `unknown` when that could not be found out.
 */
export function reconnecting(engine: PostgresEngine, options: ReconnectingOptions): Engine {
  return {
    ...engine,
    async open(role) {
      const connect = async () => {
        const session = await engine.open(role);
        await session.run(
          options.durability === "none"
            ? "SET synchronous_commit = off"
            : "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        );
        return session;
      };
      return new ReconnectingSession(await connect(), { connect, engine, runtime: options.runtime });
    },
    classify: (error): ErrorClass =>
      error instanceof CommitAborted
        ? "conflict"
        : error instanceof OutcomeUnknown
          ? "unknown"
          : engine.classify(error),
  };
}

interface Means extends Pick<ReconnectingOptions, "runtime"> {
  readonly connect: () => Promise<PostgresSession>;
  readonly engine: PostgresEngine;
}

class ReconnectingSession implements Session {
  #session: PostgresSession;
  #begun = false;
  readonly #means: Means;

  constructor(session: PostgresSession, means: Means) {
    this.#session = session;
    this.#means = means;
  }

  run(sql: string, parameters?: readonly unknown[]): Promise<Result> {
    return this.#anew(async (session) => session.run(sql, parameters));
  }
  insertMany(insert: Insert): Promise<readonly Row[]> {
    return this.#anew(async (session) => session.insertMany(insert));
  }
  runWithList(...given: Parameters<Session["runWithList"]>): Promise<Result> {
    return this.#anew(async (session) => session.runWithList(...given));
  }

  async begin(mode: "write" | "read", how?: Begin): Promise<void> {
    await this.#anew(async (session) => session.begin(mode, how));
    this.#begun = true;
  }

  async commit(): Promise<void> {
    const transaction = await this.#session.transactionId();
    try {
      await this.#session.commit();
    } catch (error) {
      if (this.#means.engine.classify(error) !== "lost") throw error;
      await this.#lookUp(transaction, error);
    }
    this.#begun = false;
  }

  /** A connection that cannot roll back is dropped, and its transaction with it. */
  async rollback(): Promise<void> {
    this.#begun = false;
    try {
      await this.#session.rollback();
    } catch {
      await this.close();
    }
  }

  savepoint = () => this.#session.savepoint();
  release = () => this.#session.release();
  rollbackToSavepoint = () => this.#session.rollbackToSavepoint();
  inTransaction = () => this.#begun && this.#session.inTransaction();

  async close(): Promise<void> {
    await Promise.resolve(this.#session.close()).catch(() => undefined);
  }

  /** What a lost connection did not get done between transactions is done again on a new one: there are only reads there. */
  async #anew<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    try {
      return await work(this.#session);
    } catch (error) {
      if (this.#begun || !(error instanceof ConnectionLost)) throw error;
      await this.close();
      this.#session = await this.#means.connect();
      return work(this.#session);
    }
  }

  /** The server process may still be at work on the commit, and not know that nobody listens: it is ended first. */
  async #lookUp(transaction: TransactionId, lost: unknown): Promise<void> {
    const { engine, runtime } = this.#means;
    const deadline = runtime.clock.monotonic() + lookUpMs;
    while (runtime.clock.monotonic() < deadline) {
      try {
        await engine.terminate(transaction);
        const fate = await engine.fateOf(transaction);
        if (fate === "committed") return;
        if (fate === "aborted") throw new CommitAborted("The commit did not happen.", { cause: lost });
      } catch (error) {
        if (engine.classify(error) !== "lost") throw error;
      }
      await runtime.timers.sleep(askMs);
    }
    throw new OutcomeUnknown("Whether the commit happened could not be found out.", { cause: lost });
  }
}
