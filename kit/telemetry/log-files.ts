import type { Runtime, Timer } from "../runtime/index.ts";
import { RollingFile } from "./rolling-file.ts";

export interface LogFilesOptions {
  /** Made when the first entry comes. */
  readonly folder: string;
  /** Services with files of their own. */
  readonly services: readonly string[];
  /** The name of the files of all other entries. */
  readonly other: string;
  /** Of one file, at the most. */
  readonly bytes: number;
  /** Full files that stay, of each name. */
  readonly kept: number;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  /** Told once when files cannot be written, and once when they can again; nothing else comes of it. */
  readonly onTrouble: (trouble: { readonly error: unknown } | { readonly lost: number }) => void;
}

/** An entry, as a line of JSON; `severe` is `error` and beyond. */
export type WriteEntry = (line: string, severe: boolean) => void;

export interface LogFiles {
  /** Where the entries of a service go; of a name without files of its own, where all others go. */
  of(service: string | undefined): WriteEntry;
  /** Writes what waits. */
  flush(): void;
  /** Writes what waits, and lets go of the files; what comes after that is written as it comes. */
  close(): void;
}

/** An entry waits this long for others, unless it is severe. */
const batchMs = 200;
const batchCharacters = 65_536;

/**
 * `<name>.log` with all entries, `<name>_errors.log` with the severe ones, as lines of JSON. A severe entry is in the files, with all that came
 * before it, when the call returns: a process that is killed loses 200 ms of lesser ones. What cannot be written is dropped and counted.
 */
export function logFiles(options: LogFilesOptions): LogFiles {
  const { runtime, services, other, onTrouble } = options;
  const journals = new Map<string, Journal>();
  const failing = new Set<Journal>();
  let lost = 0;
  let timer: Timer | undefined;
  const flush = (): void => {
    timer?.cancel();
    timer = undefined;
    for (const journal of journals.values()) settle(journal);
  };
  const settle = (journal: Journal): void => {
    const before = failing.size;
    try {
      if (!journal.flush()) return;
      failing.delete(journal);
      if (before > 0 && failing.size === 0) {
        onTrouble({ lost });
        lost = 0;
      }
    } catch (error) {
      failing.add(journal);
      lost += journal.drop();
      if (before === 0) onTrouble({ error });
    }
  };
  const known = new Set(services);
  let closed = false;
  return {
    of(service) {
      const name = service !== undefined && known.has(service) ? service : other;
      const journal = journals.get(name) ?? new Journal(name, options);
      journals.set(name, journal);
      return (line, severe) => {
        journal.add(line, severe);
        if (severe || closed || journal.size > batchCharacters) settle(journal);
        else timer ??= runtime.timers.after(batchMs, flush);
      };
    },
    flush,
    close() {
      closed = true;
      flush();
      for (const journal of journals.values()) journal.close();
    },
  };
}

/** The two files of one name, and the entries that wait for them. */
class Journal {
  readonly #all: RollingFile;
  readonly #errors: RollingFile;
  readonly #now: () => number;
  #waiting: string[] = [];
  #severe: string[] = [];
  size = 0;
  /** Entries that this journal misses. */
  #missing = 0;

  constructor(name: string, { folder, bytes, kept, runtime: { clock } }: LogFilesOptions) {
    this.#all = new RollingFile({ folder, name, bytes, kept, clock });
    this.#errors = new RollingFile({ folder, name: `${name}_errors`, bytes, kept, clock });
    this.#now = () => clock.now();
  }

  add(line: string, severe: boolean): void {
    this.#waiting.push(line);
    this.size += line.length;
    if (severe) this.#severe.push(line);
  }

  /** False where nothing waited. */
  flush(): boolean {
    if (this.#waiting.length === 0) return false;
    const gap = this.#missing === 0 ? [] : [gapLine(this.#missing, this.#now())];
    // The rarer and more precious ones first: they do not fail for the others.
    if (this.#severe.length > 0) this.#errors.append([...gap, ...this.#severe].join(""));
    this.#severe = [];
    this.#all.append([...gap, ...this.#waiting].join(""));
    this.#missing = 0;
    this.#waiting = [];
    this.size = 0;
    return true;
  }

  /** Forgets what waits; gives how many entries that were. */
  drop(): number {
    const dropped = this.#waiting.length;
    this.#missing += dropped;
    this.#waiting = [];
    this.#severe = [];
    this.size = 0;
    return dropped;
  }

  close(): void {
    this.#all.close();
    this.#errors.close();
  }
}

const gapLine = (missing: number, now: number): string =>
  `${JSON.stringify({ level: "warn", time: new Date(now).toISOString(), missing, msg: "entries are missing here: the file could not be written" })}\n`;
