import type { Runtime, Timer } from "../runtime/index.ts";

/** Something that must have ended by its deadline. */
export abstract class Timed {
  /** On the monotonic clock. */
  readonly deadline: number;
  #ended = false;
  #timer: Timer | undefined;

  constructor(deadline: number) {
    this.deadline = deadline;
  }

  /** Called once, at the deadline, unless `end` was called before. */
  protected abstract late(): void;

  /** False where it had ended already: by itself, or at its deadline. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#timer?.cancel();
    return true;
  }

  /** Sets the timer of what has not ended by now. */
  arm({ clock, timers }: Pick<Runtime, "clock" | "timers">): void {
    if (this.#ended) return;
    this.#timer = timers.after(Math.max(0, this.deadline - clock.monotonic()), () => {
      if (this.end()) this.late();
    });
  }
}

/** Deadlines whose timers are set when the turn of the event loop is over: most of what needs no store has ended by then, and a timer costs a microsecond. */
export class Deadlines {
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  #begun: Timed[] = [];

  constructor(runtime: Pick<Runtime, "clock" | "timers">) {
    this.#runtime = runtime;
  }

  watch(timed: Timed): void {
    if (this.#begun.push(timed) === 1) setImmediate(this.#armAll);
  }

  readonly #armAll = (): void => {
    const begun = this.#begun;
    this.#begun = [];
    for (const timed of begun) timed.arm(this.#runtime);
  };
}
