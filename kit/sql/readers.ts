import { kitProblems } from "../contract/index.ts";
import type { Engine, Result, Session } from "./engine.ts";
import type { Attempt, Statement } from "./turn.ts";

/** The read-only connection: snapshots take turns on it, single statements go in between. */
export class Readers {
  readonly #session: Session;
  readonly #engine: Engine;
  #last: Promise<unknown> = Promise.resolve();

  constructor(session: Session, engine: Engine) {
    this.#session = session;
    this.#engine = engine;
  }

  /** One after another; a failure is its own caller's: `kit/unavailable` where the store cannot be reached. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const attempt = async () => {
      try {
        return await work(this.#session);
      } catch (error) {
        if (this.#engine.classify(error) !== "lost") throw error;
        throw kitProblems.unavailable({ reason: "The store cannot be read." }, { cause: error });
      }
    };
    const mine = this.#last.then(attempt, attempt);
    this.#last = mine;
    return mine;
  }

  /** One statement, on what is committed by now. */
  one({ sql, parameters, writes }: Statement): Promise<Result> {
    if (writes)
      return Promise.reject(new Error(`"prepare" tried to write: it is given the store to read; write in "run".`));
    return this.use(async (session) => session.run(sql, parameters));
  }

  /** A query's turn: all its statements see one snapshot. */
  run(attempt: Attempt<unknown>): Promise<void> {
    return this.use(async (session) => {
      await session.begin("read");
      try {
        const { turn } = attempt;
        do {
          for (let statement = turn.next(); statement !== undefined; statement = turn.next()) {
            try {
              statement.resolve(await session.run(statement.sql, statement.parameters));
            } catch (error) {
              statement.reject(error);
            }
          }
        } while ((await attempt.pause()) === "wants");
      } finally {
        await session.rollback();
      }
    });
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}
