import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, StoredReply } from "../messaging/index.ts";
import { within, type Runtime } from "../runtime/index.ts";

/**
 * Idempotency-Keys in use in this process: twins queue here, outside any transaction: the first runs, the others look its reply up, one after another.
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
    const before = this.#inUse.get(claim.scope);
    const done = Promise.withResolvers<void>();
    const mine = (before ?? Promise.resolve()).then(() => done.promise);
    this.#inUse.set(claim.scope, mine);
    try {
      if (before !== undefined)
        await within(this.#runtime, deadline, before, () => kitProblems.idempotencyKeyInUse({}));
      return await this.#lookUpOrRun(steps);
    } finally {
      done.resolve();
      if (this.#inUse.get(claim.scope) === mine) this.#inUse.delete(claim.scope);
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
}

export function replayed(reply: StoredReply): StoredReply {
  return { ...reply, headers: { ...reply.headers, "idempotency-replayed": "true" } };
}
