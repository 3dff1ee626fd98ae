const width = 40;
const everyMs = 100;

/** A bar on a terminal, a line for each tenth elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #started = performance.now();
  #done = 0;
  #shownAt = 0;

  constructor(total: number) {
    this.#total = total;
  }

  step(): void {
    this.#done += 1;
    const now = performance.now();
    if (process.stdout.isTTY) {
      if (now - this.#shownAt < everyMs) return;
      this.#shownAt = now;
      process.stdout.write(`\r${this.#line()}`);
    } else if (this.#done % Math.max(1, Math.floor(this.#total / 10)) === 0) process.stdout.write(`${this.#line()}\n`);
  }

  end(): void {
    if (process.stdout.isTTY) process.stdout.write(`\r${this.#line()}\n`);
  }

  #line(): string {
    const full = Math.round((this.#done / this.#total) * width);
    const rate = this.#done / ((performance.now() - this.#started) / 1000);
    return `[${"#".repeat(full)}${".".repeat(width - full)}] ${String(this.#done)}/${String(this.#total)}  ${rate.toFixed(0)}/s`;
  }
}
