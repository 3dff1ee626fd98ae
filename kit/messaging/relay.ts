import { isProblem } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Broker } from "./broker.ts";
import { Bell } from "./loop.ts";
import { pauses } from "./retry-policy.ts";
import type { Lease, Store } from "./store.ts";

export interface RelayOptions {
  readonly store: Store<object>;
  readonly broker: Broker;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly service: string;
  readonly owner: string;
}

export interface Relay {
  /** Publishes what is there until the deadline (monotonic clock), then gives the lease back. */
  drain(deadline: number): Promise<void>;
}

const leaseMs = 3_000;
const renewMs = 1_000;
const fetchSize = 500;
/** Other processes that commit to the same store are found by polling. */
const poll = { minMs: 5, maxMs: 250 };

/** Carries what was committed to the outbox to the broker, in order, and deletes it when the broker has it on disk. One relay a store: who holds the lease. */
export function startRelay(options: RelayOptions): Relay {
  const { store, broker, runtime, log, service, owner } = options;
  const bell = new Bell(runtime);
  const pause = pauses(runtime.random);
  let stopAt: number | undefined;
  let lease: Lease | undefined;
  let renewedAt = 0;
  let after = 0;
  let failing = false;
  store.onOutbox(() => bell.ring());

  const now = () => runtime.clock.monotonic();
  const hold = async (): Promise<Lease | undefined> => {
    if (lease !== undefined && now() - renewedAt < renewMs) return lease;
    const before = lease?.epoch;
    lease = await store.lease("relay", owner, leaseMs);
    renewedAt = now();
    if (lease?.epoch !== before) after = 0;
    return lease;
  };

  /** True when there may be more. */
  const step = async (): Promise<boolean> => {
    const held = await hold();
    if (held === undefined) return false;
    const rows = await store.outbox(after, fetchSize);
    const last = rows.at(-1);
    if (last === undefined) return false;
    runtime.faults.at("relay:fetched");
    runtime.faults.at("relay:publishing");
    await broker.publish(
      { name: `${service}/${store.id}`, epoch: held.epoch },
      rows.map(({ envelope }) => envelope),
    );
    runtime.faults.at("relay:confirmed");
    after = last.seq;
    // Deleting joins another commit; what is published is not fetched again meanwhile.
    store.confirm(held, rows.map(({ seq }) => seq)).catch((error: unknown) => {
      after = 0;
      if (isProblem(error, "kit/stale-epoch")) lease = undefined;
      else log.warn("relayed messages could not be deleted; they will be published again", { error });
    });
    return rows.length === fetchSize;
  };

  const run = async () => {
    let wait = poll.minMs;
    while (stopAt === undefined || now() < stopAt) {
      try {
        const more = await step();
        pause.reset();
        if (failing) log.info("the relay publishes again");
        failing = false;
        if (more) {
          wait = poll.minMs;
          continue;
        }
        if (stopAt !== undefined) break;
        await bell.sleep(lease === undefined ? renewMs : wait);
        wait = Math.min(poll.maxMs, wait * 2);
      } catch (error) {
        after = 0;
        if (isProblem(error, "kit/stale-epoch")) lease = undefined;
        if (!failing) log.warn("the relay cannot publish; it tries again until it can", { error });
        failing = true;
        await bell.sleep(pause.next());
      }
    }
    if (lease !== undefined) await store.release(lease, owner).catch((error: unknown) => log.warn("the relay's lease could not be given back", { error }));
  };
  const running = run();
  return {
    async drain(deadline) {
      stopAt = deadline;
      bell.ring();
      await running;
    },
  };
}
