import type { Endpoint } from "../contract/index.ts";
import type { Clock } from "../runtime/index.ts";
import { kitMetrics, type Histogram, type Metrics } from "../telemetry/index.ts";

/** Calls by caller, endpoint and outcome: as many series as contracts and their problems allow. */
export class CallMeter {
  readonly #metrics: Metrics;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #series = new Map<string, Map<Endpoint, Map<string, Histogram>>>();

  constructor(metrics: Metrics, clock: Pick<Clock, "monotonic">) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  begin = (): number => this.#clock.monotonic();

  /** @param outcome `ok`, or the code of a problem */
  end(caller: string, endpoint: Endpoint, outcome: string, begunAt: number): void {
    const byEndpoint = this.#series.get(caller) ?? new Map<Endpoint, Map<string, Histogram>>();
    const byOutcome = byEndpoint.get(endpoint) ?? new Map<string, Histogram>();
    let histogram = byOutcome.get(outcome);
    if (histogram === undefined) {
      const { owner: callee, method, path: route } = endpoint;
      histogram = this.#metrics.histogram(kitMetrics.calls, { caller, callee, method, route, outcome });
      this.#series.set(caller, byEndpoint.set(endpoint, byOutcome.set(outcome, histogram)));
    }
    histogram.observe((this.#clock.monotonic() - begunAt) / 1_000);
  }
}
