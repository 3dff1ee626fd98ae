import type { Clock } from "../runtime/index.ts";
import { kitMetrics, type Counter, type Histogram, type Metrics } from "../telemetry/index.ts";
import { CommitTime } from "./commit-time.ts";

/** Where a unit's wait is measured. */
export interface Waiting {
  /** On the monotonic clock; set for a sample of them. */
  joinedAt?: number;
}

/** What is counted of one connection that commits for many. */
export class LaneMeter {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #sizes: Histogram;
  readonly #waits: Histogram;
  readonly #commits: Histogram;
  readonly #conflicts: Counter;
  readonly #commitTime = new CommitTime();

  constructor(metrics: Metrics, store: string, clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#sizes = metrics.histogram(kitMetrics.groupSize, { store });
    this.#waits = metrics.histogram(kitMetrics.unitWait, { store });
    this.#commits = metrics.histogram(kitMetrics.commits, { store });
    this.#conflicts = metrics.counter(kitMetrics.conflicts, { store });
  }

  /** Of those that join, the one that will be the first of a group is timed, so that the clock is read once a group. */
  joined(unit: Waiting, before: number, groupSize: number): void {
    if (before % groupSize === 0) unit.joinedAt = this.#clock.monotonic();
  }

  begun(units: readonly Waiting[], now: number): void {
    const joinedAt = units[0]?.joinedAt;
    if (joinedAt !== undefined) this.#waits.observe(Math.max(0, now - joinedAt) / 1_000);
  }

  /** @param size units that ran; some may have been left for the next group */
  committed(size: number): void {
    if (size > 0) this.#sizes.observe(size);
  }

  conflict(): void {
    this.#conflicts.add();
  }

  /** How long commits took of late, in milliseconds; 0 before the first. */
  get commitMs(): number {
    return this.#commitTime.ms;
  }

  async commit(commit: () => void | Promise<void>): Promise<void> {
    const begunAt = this.#clock.monotonic();
    await commit();
    const ms = this.#clock.monotonic() - begunAt;
    this.#commits.observe(ms / 1_000);
    this.#commitTime.took(ms);
  }
}
