/** What a program under measurement tells whoever started it. */
export interface Ready {
  /** The base address of `POST /orders`. */
  readonly url: string;
}
export interface Usage {
  /** CPU of all its threads since its start, in microseconds. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** Says that this program is ready, answers what it has used so far, and ends with whoever started it. */
export function subject(ready: Ready, stop: () => Promise<void>): void {
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() };
    process.send?.(usage);
  });
  process.on("disconnect", () => void stop().finally(() => process.exit(0)));
  process.send?.(ready);
}
