import { developmentKeys, mintToken } from "holdfast/access";
import type { Caller } from "holdfast/contract";
import { systemRuntime, type Random } from "holdfast/runtime";
import { write, type Entry } from "./ledger.ts";

export interface TrafficOptions {
  readonly random: Random;
  /** The folder of the platform: its development key mints the callers' tokens, and the ledger is kept there. */
  readonly data: string;
  readonly url: () => string;
}

const price = (amount: number) => ({ amount, currency: "EUR" });
/** Some that never run out, some that soon do. */
export const products = Array.from({ length: 24 }, (_, at) => ({
  sku: `sku-${String(at + 1)}`,
  name: `Product ${String(at + 1)}`,
  price: price(100 + at * 37),
  quantity: at % 4 === 3 ? 40 : 1_000_000,
  threshold: at % 4 === 3 ? 10 : 0,
}));

/** What becomes of an order is the payment method's and the stock's doing; how often each comes, of a hundred. */
const methods: readonly (readonly [weight: number, method: string])[] = [
  [58, "card_ok"],
  [12, "card_declined"],
  [6, "card_insufficient_funds"],
  [10, "card_answer_lost"],
  [4, "card_declined_answer_lost"],
  [8, "card_down"],
  [2, "card_slow"],
];
const people = ["ada", "bob", "cem"] as const;
const retryMs = 25;

/** Clients of the shop: each `one` is a request of random fate, repeated under its key until its answer is definite. */
export class Traffic {
  readonly #o: TrafficOptions;
  readonly #run: string;
  readonly #tokens = new Map<string, string>();
  /** Customers and who may order for them. */
  readonly #customers: { readonly customerId: string; readonly owner: string | undefined }[] = [];
  #number = 0;

  constructor(options: TrafficOptions) {
    this.#o = options;
    this.#run = Math.floor(options.random.next() * 2 ** 32).toString(36);
  }

  /** Puts the products on the shelves. */
  async stockUp(): Promise<void> {
    const token = await this.#token({ kind: "user", id: "stock", roles: ["operator"] });
    for (const { sku, ...body } of products)
      await this.#send("PUT", `/stock/${sku}`, { body, headers: { authorization: `Bearer ${token}` } });
  }

  async one(): Promise<void> {
    this.#number += 1;
    const key = `${this.#run}-${String(this.#number)}`;
    const dice = this.#o.random.next();
    const customer = this.#pick(this.#customers);
    if (customer === undefined || dice < 0.15) await this.#join(key);
    else if (dice < 0.2) await this.#nonsense(key);
    else await this.#order(key, customer);
  }

  async #join(key: string): Promise<void> {
    const { random } = this.#o;
    const owner = random.next() < 0.4 ? this.#pick(people) : undefined;
    const body = { name: `Customer ${key}`, email: `${key}@example.com` };
    const { status, id } = await this.#asked(key, "customer", "/customers", { body, owner });
    if (status === 201) this.#customers.push({ customerId: id, owner });
  }

  async #order(
    key: string,
    { customerId, owner }: { readonly customerId: string; readonly owner: string | undefined },
  ) {
    const { random } = this.#o;
    const skus = new Set(
      Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => this.#pick(products)?.sku ?? ""),
    );
    const body = {
      customerId,
      lines: [...skus].map((sku) => ({ sku, quantity: 1 + Math.floor(random.next() * 3) })),
      paymentMethod: this.#method(),
      reservation: random.next() < 0.2 ? "immediate" : "later",
    };
    // A client that is not patient sends the same request twice at once.
    const twins = random.next() < 0.1 ? 2 : 1;
    await Promise.all(Array.from({ length: twins }, () => this.#asked(key, "order", "/orders", { body, owner })));
  }

  /** What nobody could fulfil: it must be refused, and leave nothing. */
  async #nonsense(key: string): Promise<void> {
    const lines = [{ sku: "sku-1", quantity: 1 }];
    const customerId = this.#customers[0]?.customerId ?? "";
    const good = { customerId, lines, paymentMethod: "card_ok" };
    const body = this.#pick([
      "{broken",
      { ...good, lines: [] },
      { ...good, lines: [{ sku: "sku-1", quantity: -1 }] },
      { ...good, lines: [...lines, ...lines] },
      { ...good, lines: [{ sku: "never-stocked", quantity: 1 }] },
      { ...good, customerId: "00000000-0000-7000-8000-000000000000" },
      { ...good, discount: 100 },
    ]);
    await this.#asked(key, "nonsense", "/orders", { body, owner: undefined });
  }

  async #asked(
    key: string,
    what: Extract<Entry, { kind: "sent" }>["what"],
    address: string,
    { body, owner }: { readonly body: unknown; readonly owner: string | undefined },
  ): Promise<{ readonly status: number; readonly id: string }> {
    const { data } = this.#o;
    write(data, { kind: "sent", key, what });
    const token = owner === undefined ? undefined : await this.#token({ kind: "user", id: owner, roles: [] });
    const headers: Record<string, string> = { "idempotency-key": key };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    const answer = await this.#send("POST", address, { body, headers });
    write(data, { kind: "answered", key, ...answer });
    return answer;
  }

  /** Again and again until the answer is definite: killed in between, not up yet and too much to do are none. */
  async #send(
    method: string,
    address: string,
    { body, headers }: { readonly body: unknown; readonly headers: Readonly<Record<string, string>> },
  ): Promise<{ readonly status: number; readonly id: string; readonly code: string }> {
    for (;;) {
      try {
        const reply = await fetch(`${this.#o.url()}${address}`, {
          method,
          headers: { "content-type": "application/json", ...headers },
          body: typeof body === "string" ? body : JSON.stringify(body),
          signal: AbortSignal.timeout(15_000),
        });
        const answer: unknown = await reply.json();
        if (field(answer, "retryable") !== true && reply.status < 500) {
          const id = text(answer, "orderId") ?? text(answer, "customerId") ?? "";
          return { status: reply.status, id, code: text(answer, "code") ?? "" };
        }
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

  #method(): string {
    let dice = this.#o.random.next() * methods.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, method] of methods) if ((dice -= weight) < 0) return method;
    return "card_ok";
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#o.random.next() * from.length)];
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
const text = (value: unknown, name: string): string | undefined => {
  const found = field(value, name);
  return typeof found === "string" ? found : undefined;
};
