import { kitProblems } from "../contract/index.ts";
import type { KeyClaim, KeyState, StoredReply } from "../messaging/index.ts";
import { within, type Runtime } from "../runtime/index.ts";

interface Steps {
  readonly lookUp: () => Promise<KeyState>;
  readonly first: (found: Exclude<KeyState, { readonly kind: "replied" }>) => Promise<StoredReply>;
}

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
  async run(claim: KeyClaim, deadline: number, steps: Steps): Promise<StoredReply> {
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

  async #lookUpOrRun({ lookUp, first }: Steps): Promise<StoredReply> {
    const found = await lookUp();
    return found.kind === "replied" ? replayed(found.reply) : first(found);
  }
}

export function replayed(reply: StoredReply): StoredReply {
  return { ...reply, headers: { ...reply.headers, "idempotency-replayed": "true" } };
}
