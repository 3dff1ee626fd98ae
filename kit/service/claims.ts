import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";

/**
 * Idempotency-Keys in use in this process: twins wait here, outside any transaction, for the first of them, then look its reply up.
 * Between processes the store decides.
 */
export class Claims {
  readonly #inUse = new Map<string, Promise<unknown>>();
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Runs `first` when no twin does; rejects with `kit/idempotency-key-in-use` when a twin is still busy at the deadline. */
  async run(
    claim: KeyClaim,
    deadline: number,
    steps: { readonly stored: () => Promise<StoredReply | undefined>; readonly first: () => Promise<StoredReply> },
  ): Promise<StoredReply> {
    for (;;) {
      const twin = this.#inUse.get(claim.scope);
      if (twin === undefined) break;
      await this.#wait(twin, deadline);
    }
    const work = this.#lookUpOrRun(steps);
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#inUse.set(claim.scope, settled);
    try {
      return await work;
    } finally {
      this.#inUse.delete(claim.scope);
    }
  }

  async #lookUpOrRun({
    stored,
    first,
  }: {
    stored: () => Promise<StoredReply | undefined>;
    first: () => Promise<StoredReply>;
  }): Promise<StoredReply> {
    const reply = await stored();
    return reply === undefined ? first() : replayed(reply);
  }

  async #wait(twin: Promise<unknown>, deadline: number): Promise<void> {
    const left = deadline - this.#runtime.clock.monotonic();
    const late = Promise.withResolvers<never>();
    const timer = this.#runtime.timers.after(Math.max(0, left), () => late.reject(kitProblems.idempotencyKeyInUse({})));
    try {
      await Promise.race([twin, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}

export function replayed(reply: StoredReply): StoredReply {
  return { ...reply, headers: { ...reply.headers, "idempotency-replayed": "true" } };
}
