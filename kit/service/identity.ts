import { findProblem, kitProblems } from "../contract/index.ts";
import type { KeyClaim, KeyState, Store, StoredReply } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";

/** What is the same in every repetition of a message, or of a request with an Idempotency-Key: ids and keys of effects are derived from it. */
export interface Identity {
  /** What is derived is derived from this text. */
  text(): string;
  /** To be awaited before anything that may have been derived leaves this process. */
  hold(): Promise<void>;
}

/** A message is stored before it is handled: its identity lasts by itself. */
export const messageIdentity = (text: string): Identity => ({ text: () => text, hold: () => Promise.resolve() });

/** A twin is at work: that is no end of the request. */
const inUse = kitProblems.idempotencyKeyInUse.code;

type Keys = Pick<Store<object>, "reserveKey" | "refuseKey">;

export interface Reserving {
  readonly claim: KeyClaim;
  /** What the store held under the key when the request began; a stored reply never comes here. */
  readonly found: Exclude<KeyState, { readonly kind: "replied" }>;
  readonly store: Keys;
  readonly runtime: Runtime;
  /** On the monotonic clock. */
  readonly deadline: number;
}

/**
 * The identity of a request with an Idempotency-Key: a random nonce. It is stored, by a small write of its own, only when something derived from it is about to
 * leave the process: a repetition after a crash then finds it, and derives the same. Where nothing leaves, a crash leaves nothing that could be repeated.
 */
export class RequestIdentity implements Identity {
  readonly claim: KeyClaim;
  readonly #o: Reserving;
  #nonce: string;
  #stored: boolean;
  #used = false;
  #holding: Promise<void> | undefined;
  /** What holds in place of this one's nonce. */
  #overtaken: Awaited<ReturnType<Keys["reserveKey"]>> | undefined;

  constructor(options: Reserving) {
    const { claim, found, runtime } = options;
    this.claim = claim;
    this.#o = options;
    this.#stored = found.kind === "reserved" && !found.refused;
    this.#nonce = found.kind === "reserved" ? found.nonce : runtime.random.hex(16);
  }

  text(): string {
    this.#used = true;
    return this.#nonce;
  }

  hold(): Promise<void> {
    if (this.#stored || !this.#used) return Promise.resolve();
    return (this.#holding ??= this.#reserve());
  }

  async #reserve(): Promise<void> {
    const { store, claim, deadline } = this.#o;
    const state = await store.reserveKey(claim, this.#nonce, deadline);
    this.#stored = state.kind === "reserved" && state.nonce === this.#nonce;
    if (this.#stored) return;
    this.#overtaken = state;
    throw kitProblems.idempotencyKeyInUse({}, { headers: { "retry-after": "1" } });
  }

  /**
   * Runs a `prepare`; again where a twin in another process has stored its nonce first: nothing that was derived from this one has left yet. Gives the twin's
   * reply where there is one.
   */
  async preparing<T>(prepare: () => Promise<T>): Promise<{ readonly prepared: T } | { readonly reply: StoredReply }> {
    for (;;) {
      let outcome: { readonly prepared: T } | { readonly error: unknown };
      try {
        outcome = { prepared: await prepare() };
      } catch (error) {
        outcome = { error };
      }
      // Looked at first: a handler may have caught what `hold` threw.
      const overtaken = this.#overtaken;
      if (overtaken === undefined) {
        if ("error" in outcome) throw outcome.error;
        return outcome;
      }
      if (overtaken.kind === "replied") return { reply: overtaken.reply };
      this.#nonce = overtaken.nonce;
      this.#stored = true;
      this.#overtaken = undefined;
    }
  }

  /** To be awaited with what a request failed with, where its client is told so: after a definite refusal another request may have the key. */
  async failed(error: unknown): Promise<void> {
    const { store, claim, deadline } = this.#o;
    const problem = findProblem(error);
    if (!this.#stored || problem === undefined || problem.status >= 500 || problem.code === inUse) return;
    try {
      await store.refuseKey(claim, this.#nonce, deadline);
    } catch {
      // The refusal stands all the same. The key stays with this request until its retention is over.
    }
  }
}
