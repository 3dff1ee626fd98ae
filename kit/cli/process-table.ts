import { renameSync, rmSync, writeFileSync } from "node:fs";
import { backoffMs } from "../messaging/index.ts";
import type { Runtime, Timer } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";

export interface ProcessRow {
  readonly service: string;
  readonly pid: number | undefined;
  readonly url: string | undefined;
}

const again = { baseMs: 1_000, capMs: 10_000 };

/** The file that tells people and scripts which process has which service. Nothing rests on it: what cannot be written is logged once, and tried again. */
export class ProcessTable {
  readonly #file: string;
  readonly #runtime: Pick<Runtime, "timers" | "random">;
  readonly #log: Logger;
  readonly #rows: () => readonly ProcessRow[];
  #failures = 0;
  #retry: Timer | undefined;

  constructor(
    file: string,
    rows: () => readonly ProcessRow[],
    { runtime, log }: { readonly runtime: Pick<Runtime, "timers" | "random">; readonly log: Logger },
  ) {
    this.#file = file;
    this.#rows = rows;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Whoever reads it meanwhile reads one that is whole. */
  write(): void {
    this.#retry?.cancel();
    const draft = `${this.#file}.${String(process.pid)}`;
    try {
      writeFileSync(draft, `${JSON.stringify(this.#rows(), undefined, 2)}\n`, { mode: 0o600 });
      renameSync(draft, this.#file);
      if (this.#failures > 0) this.#log.info("the table of processes is written again", { file: this.#file });
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1)
        this.#log.warn("the table of processes cannot be written; it is tried again", { file: this.#file, error });
      this.#retry = this.#runtime.timers.after(backoffMs(this.#runtime.random, this.#failures, again), () =>
        this.write(),
      );
      try {
        rmSync(draft, { force: true });
      } catch {
        // What is left is overwritten by the next try.
      }
    }
  }

  close(): void {
    this.#retry?.cancel();
  }
}
