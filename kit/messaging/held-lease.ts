import type { Runtime } from "../runtime/index.ts";
import type { Lease, Store } from "./store.ts";

/** A lease that renews itself until it is lost or released. */
export interface HeldLease {
  readonly lease: Lease;
  /** Aborts as soon as the lease may belong to another. */
  readonly lost: AbortSignal;
  /** Gives it up in this process: what goes on under it ends. */
  lose(): void;
  /** Stops renewing and lets the next holder in at once. May be called again. */
  release(): Promise<void>;
}

export interface LeaseRequest {
  readonly store: Pick<Store<unknown>, "lease" | "release">;
  readonly runtime: Runtime;
  readonly name: string;
  readonly owner: string;
  readonly ttlMs: number;
}

/** Takes the lease and renews it at a third of its time; undefined while another living holder has it. */
export async function holdLease({ store, runtime, name, owner, ttlMs }: LeaseRequest): Promise<HeldLease | undefined> {
  const { clock, timers } = runtime;
  const askedAt = clock.monotonic();
  const lease = await store.lease(name, owner, ttlMs);
  if (lease === undefined) return undefined;
  const lost = new AbortController();
  // Counted from the question, not from the answer: the store may have granted it as early as that.
  const expire = (from: number) => timers.after(from + ttlMs - clock.monotonic(), lose);
  let expiry = expire(askedAt);
  let renewing = false;
  const renew = async () => {
    const from = clock.monotonic();
    renewing = true;
    try {
      const renewed = await store.lease(name, owner, ttlMs);
      if (lost.signal.aborted) return;
      expiry.cancel();
      if (renewed?.epoch === lease.epoch) expiry = expire(from);
      else lose();
    } catch {
      // The store does not answer: the lease ends by its time unless a later renewal succeeds.
    } finally {
      renewing = false;
    }
  };
  const renewal = timers.every(ttlMs / 3, () => {
    if (!renewing) void renew();
  });
  function lose() {
    renewal.cancel();
    expiry.cancel();
    lost.abort();
  }
  let released: Promise<void> | undefined;
  return {
    lease,
    lost: lost.signal,
    lose,
    release() {
      lose();
      return (released ??= store.release(lease, owner));
    },
  };
}
