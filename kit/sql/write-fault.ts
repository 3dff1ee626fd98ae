import type { Engine, Session } from "./engine.ts";

/** Why a store takes no writes at present: set by a write that was refused, cleared by a small one that was not. */
export class WriteFault {
  readonly #engine: Engine;
  #reason: string | undefined;
  #probes = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Called with every error of a transaction. */
  note(error: unknown): void {
    if (this.#engine.classify(error) === "unwritable")
      this.#reason = error instanceof Error ? error.message : String(error);
  }

  /** Where a write was refused, another one is tried. Undefined where writes go well. */
  async check(write: (work: (session: Session) => Promise<void>) => Promise<unknown>): Promise<string | undefined> {
    if (this.#reason !== undefined) await this.probe(write);
    return this.#reason;
  }

  /** Whether a small write succeeds now. */
  async probe(write: (work: (session: Session) => Promise<void>) => Promise<unknown>): Promise<boolean> {
    try {
      await write(async (session) => {
        this.#probes += 1;
        // A number in the header of the file, which nothing else uses.
        const header = `PRAGMA user_version = ${String(this.#probes % 2)}`;
        await session.run(this.#engine.name === "sqlite" ? header : "UPDATE holdfast_store SET id = id");
      });
      this.#reason = undefined;
      return true;
    } catch {
      return false; // The reason stands.
    }
  }
}
