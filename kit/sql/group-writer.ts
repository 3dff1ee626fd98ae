import { ownTurn, type Runtime } from "../runtime/index.ts";
import { isWritersFault, type Engine, type Session } from "./engine.ts";
import type { LaneMeter } from "./lane-metrics.ts";
import { WriteFault } from "./write-fault.ts";

type Work<T> = (session: Session) => Promise<T>;

/** Work that waits for somebody else's transaction; `done` is called after the commit. */
export interface Rider {
  readonly work: Work<unknown>;
  readonly done: () => void;
}

interface Job {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupWriterOptions {
  readonly engine: Engine;
  readonly session: Session;
  readonly runtime: Runtime;
  readonly meter: LaneMeter;
  /** The disk failed at a commit: what is on it is not known any more. */
  readonly onFatal: (error: unknown) => void;
  /** What a caller is told whose work was not written; undefined where the writer is closed. */
  readonly refusal: (error: unknown) => Error;
}

/** Another process may hold the file this long. */
const busyMs = 5_000;
const groupSize = 64;
/** Work that may wait for another transaction waits this long. */
const laterMs = 100;

/** The one connection of this process that writes to a file: what is asked for in one turn of the event loop shares a transaction and a sync. */
export class GroupWriter {
  readonly #o: GroupWriterOptions;
  readonly #jobs: Job[] = [];
  #later = new Map<string, Rider>();
  #running: Promise<void> | undefined;
  #timer: { cancel(): void } | undefined;
  #closed = false;
  readonly #writeFault: WriteFault;

  constructor(options: GroupWriterOptions) {
    this.#o = options;
    this.#writeFault = new WriteFault(options.engine);
  }

  /** Why nothing can be written at present; undefined where writes go well. */
  check(): Promise<string | undefined> {
    return this.#writeFault.check((work) => this.write(work));
  }

  /** Resolves after the commit; rejects when nothing of it was committed. May be called twice by a group that failed: it has no effects but through the session. */
  write<T>(work: Work<T>): Promise<T> {
    if (this.#closed) return Promise.reject(this.#o.refusal(undefined));
    return new Promise((resolve, reject) => {
      // Proof: the value is what `work` resolved with.
      this.#jobs.push({ work, resolve: (value) => resolve(value as T), reject });
      this.#running ??= this.#run();
    });
  }

  /** Joins the next transaction, or gets one of its own soon; a newer one of the same name takes its place. */
  later(name: string, rider: Rider): void {
    this.#later.set(name, rider);
    this.#timer ??= this.#o.runtime.timers.after(laterMs, () => {
      // A failure puts the work back; the next transaction tries again.
      this.flush().catch(() => undefined);
    });
  }

  async flush(): Promise<void> {
    if (this.#later.size > 0) await this.write(() => Promise.resolve());
  }

  async close(): Promise<void> {
    // What cannot be written now is a hint, and comes again from the older one.
    await this.flush().catch(() => undefined);
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#jobs.length > 0) {
        await ownTurn();
        await this.#group(this.#jobs.splice(0, groupSize));
      }
    } finally {
      this.#running = undefined;
    }
  }

  async #group(jobs: readonly Job[], riders: ReadonlyMap<string, Rider> = this.#later): Promise<void> {
    const { session, engine, onFatal } = this.#o;
    let committing = false;
    try {
      await this.#begin();
      const values: unknown[] = [];
      for (const { work } of jobs) values.push(await work(session));
      if (riders.size > 0) {
        this.#later = new Map();
        this.#timer?.cancel();
        this.#timer = undefined;
      }
      for (const { work } of riders.values()) await work(session);
      committing = true;
      await this.#o.meter.commit(() => session.commit());
      this.#o.meter.committed(jobs.length);
      for (const [at, { resolve }] of jobs.entries()) resolve(values[at]);
      for (const { done } of riders.values()) done();
    } catch (error) {
      if (this.#later !== riders) {
        for (const [name, rider] of riders) if (!this.#later.has(name)) this.later(name, rider);
      }
      try {
        await session.rollback();
      } catch (failed) {
        onFatal(failed);
      }
      const kind = engine.classify(error);
      this.#writeFault.note(error);
      if (committing && kind === "lost") onFatal(error);
      const fault = isWritersFault(kind, { committing });
      if (fault && riders.size > 0) {
        // They come again with the next one.
        await this.#group(jobs, new Map());
        return;
      }
      if (jobs.length > 1 && (fault || (!committing && kind !== "busy"))) {
        // One of them is at fault: each for itself.
        for (const job of jobs) await this.#group([job]);
        return;
      }
      for (const { reject } of jobs) reject(this.#o.refusal(error));
    }
  }

  /** Busy is waited for without blocking the event loop. */
  async #begin(): Promise<void> {
    const { session, engine, runtime } = this.#o;
    const deadline = runtime.clock.monotonic() + busyMs;
    for (let pause = 1; ; pause = Math.min(20, pause * 2)) {
      try {
        await session.begin("write");
        return;
      } catch (error) {
        if (engine.classify(error) !== "busy" || runtime.clock.monotonic() >= deadline) throw error;
        await runtime.timers.sleep(pause * (0.5 + runtime.random.next()));
      }
    }
  }
}
