import { kitProblems } from "../contract/index.ts";
import type { Engine, Result, Session } from "./engine.ts";
import type { StoreGate } from "./store-gate.ts";
import type { Attempt, Statement } from "./turn.ts";

/** The read-only connection: snapshots take turns on it, single statements go in between. */
export class Readers {
  readonly #session: Session;
  readonly #engine: Engine;
  readonly #gate: StoreGate;
  #last: Promise<unknown> = Promise.resolve();

  constructor(session: Session, engine: Engine, gate: StoreGate) {
    this.#session = session;
    this.#engine = engine;
    this.#gate = gate;
  }

  /** One after another; a failure is its own caller's: `kit/unavailable` where the store cannot be reached or is not the one that was opened. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const refused = this.#gate.refusal();
    return refused === undefined ? this.anyway(work) : Promise.reject(refused);
  }

  /** As `use`, whatever the gate says. */
  anyway<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const attempt = async () => {
      try {
        return await work(this.#session);
      } catch (error) {
        if (!["lost", "unwritable"].includes(this.#engine.classify(error))) throw error;
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
