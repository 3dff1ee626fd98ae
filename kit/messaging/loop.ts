import type { Runtime } from "../runtime/index.ts";

/** Sleeps that a wake-up ends; a wake-up that comes while nobody sleeps is not lost. */
export class Bell {
  readonly #runtime: Runtime;
  #rung = false;
  #ring: (() => void) | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  ring(): void {
    this.#rung = true;
    this.#ring?.();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#rung) {
      const rung = Promise.withResolvers<void>();
      const timer = this.#runtime.timers.after(ms, rung.resolve);
      this.#ring = rung.resolve;
      await rung.promise;
      timer.cancel();
      this.#ring = undefined;
    }
    this.#rung = false;
  }
}
