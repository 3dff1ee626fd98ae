import { developmentKeys, mintToken } from "holdfast/access";
import type { Caller } from "holdfast/contract";
import { systemRuntime, type Random } from "holdfast/runtime";
import { write, type Answer, type What } from "./ledger.ts";

export interface TrafficOptions {
  readonly random: Random;
  /** The folder of the platform: its development key mints the callers' tokens, and the ledger is kept there. */
  readonly data: string;
  readonly url: () => string;
}

/** Clients of a system. */
export interface Traffic {
  /** What has to be there first. */
  stockUp(): Promise<void>;
  /** A request of random fate, repeated under its key until its answer is definite. */
  one(): Promise<void>;
}

interface Asked {
  readonly body?: unknown;
  /** The signed-in user; undefined: a guest. */
  readonly owner?: string | undefined;
}

const retryMs = 25;

/** Asks a platform, and keeps book of it. */
export class Client {
  readonly random: Random;
  readonly #o: TrafficOptions;
  readonly #run: string;
  readonly #tokens = new Map<string, string>();
  #number = 0;

  constructor(options: TrafficOptions) {
    this.#o = options;
    this.random = options.random;
    // Not of `random`: the same seed on the same data is other requests.
    this.#run = systemRuntime().ids.uuidv7();
  }

  /** A new Idempotency-Key. */
  key(): string {
    this.#number += 1;
    return `${this.#run}-${String(this.#number)}`;
  }

  /** POST, in the ledger. */
  async ask(key: string, what: What, address: string, { body, owner }: Asked): Promise<Answer> {
    const { data } = this.#o;
    write(data, { kind: "sent", key, what });
    const token = owner === undefined ? undefined : await this.#token({ kind: "user", id: owner, roles: [] });
    const headers: Record<string, string> = { "idempotency-key": key };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    const answer = await this.#send("POST", address, { body, headers });
    write(data, { kind: "answered", key, ...answer });
    return answer;
  }

  /** PUT by an operator, in no ledger. */
  async put(address: string, body: unknown): Promise<void> {
    const token = await this.#token({ kind: "user", id: "stock", roles: ["operator"] });
    await this.#send("PUT", address, { body, headers: { authorization: `Bearer ${token}` } });
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random.next() * from.length)];
  }

  /** One of those that come with these weights. */
  weighted<T>(from: readonly (readonly [weight: number, value: T])[]): T | undefined {
    let dice = this.random.next() * from.reduce((sum, [weight]) => sum + weight, 0);
    return from.find(([weight]) => (dice -= weight) < 0)?.[1] ?? from[0]?.[1];
  }

  /** Again and again until the answer is definite: killed in between, not up yet and too much to do are none. */
  async #send(
    method: string,
    address: string,
    { body, headers }: { readonly body: unknown; readonly headers: Readonly<Record<string, string>> },
  ): Promise<Answer> {
    for (;;) {
      try {
        const reply = await fetch(`${this.#o.url()}${address}`, {
          method,
          headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
          signal: AbortSignal.timeout(15_000),
        });
        const answer: unknown = await reply.json();
        if (field(answer, "retryable") !== true && reply.status < 500)
          return { status: reply.status, id: idOf(answer), code: text(answer, "code") ?? "" };
      } catch {
        // No answer at all.
      }
      await new Promise((resolve) => {
        setTimeout(resolve, retryMs);
      });
    }
  }

  async #token(caller: Extract<Caller, { kind: "user" }>): Promise<string> {
    const known = this.#tokens.get(caller.id);
    if (known !== undefined) return known;
    const keys = await developmentKeys(this.#o.data);
    const { clock } = systemRuntime();
    const token = await mintToken(keys, { caller, lifetime: 24 * 3_600, clock });
    this.#tokens.set(caller.id, token);
    return token;
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
const text = (value: unknown, name: string): string | undefined => {
  const found = field(value, name);
  return typeof found === "string" ? found : undefined;
};
const idOf = (answer: unknown): string =>
  ["orderId", "registrationId", "customerId"].map((name) => text(answer, name)).find((id) => id !== undefined) ?? "";
