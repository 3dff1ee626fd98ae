import { Client, type Traffic, type TrafficOptions } from "../../traffic/client.ts";

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

/** Clients of the shop. */
export class ShopTraffic implements Traffic {
  readonly #client: Client;
  /** Customers and who may order for them. */
  readonly #customers: { readonly customerId: string; readonly owner: string | undefined }[] = [];

  constructor(options: TrafficOptions) {
    this.#client = new Client(options);
  }

  /** Puts the products on the shelves. */
  async stockUp(): Promise<void> {
    for (const { sku, ...body } of products) await this.#client.put(`/stock/${sku}`, body);
  }

  async one(): Promise<void> {
    const key = this.#client.key();
    const dice = this.#client.random.next();
    const customer = this.#client.pick(this.#customers);
    if (customer === undefined || dice < 0.15) await this.#join(key);
    else if (dice < 0.2) await this.#nonsense(key);
    else await this.#order(key, customer);
  }

  async #join(key: string): Promise<void> {
    const owner = this.#client.random.next() < 0.4 ? this.#client.pick(people) : undefined;
    const body = { name: `Customer ${key}`, email: `${key}@example.com` };
    const { status, id } = await this.#client.ask(key, "customer", "/customers", { body, owner });
    if (status === 201) this.#customers.push({ customerId: id, owner });
  }

  async #order(
    key: string,
    { customerId, owner }: { readonly customerId: string; readonly owner: string | undefined },
  ) {
    const { random } = this.#client;
    const skus = new Set(
      Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => this.#client.pick(products)?.sku ?? ""),
    );
    const body = {
      customerId,
      lines: [...skus].map((sku) => ({ sku, quantity: 1 + Math.floor(random.next() * 3) })),
      paymentMethod: this.#client.weighted(methods),
      reservation: random.next() < 0.2 ? "immediate" : "later",
    };
    // A client that is not patient sends the same request twice at once.
    const twins = random.next() < 0.1 ? 2 : 1;
    const ask = () => this.#client.ask(key, "order", "/orders", { body, owner });
    await Promise.all(Array.from({ length: twins }, ask));
  }

  /** What nobody could fulfil: it must be refused, and leave nothing. */
  async #nonsense(key: string): Promise<void> {
    const lines = [{ sku: "sku-1", quantity: 1 }];
    const customerId = this.#customers[0]?.customerId ?? "";
    const good = { customerId, lines, paymentMethod: "card_ok" };
    const body = this.#client.pick([
      "{broken",
      { ...good, lines: [] },
      { ...good, lines: [{ sku: "sku-1", quantity: -1 }] },
      { ...good, lines: [...lines, ...lines] },
      { ...good, lines: [{ sku: "never-stocked", quantity: 1 }] },
      { ...good, customerId: "00000000-0000-7000-8000-000000000000" },
      { ...good, discount: 100 },
    ]);
    await this.#client.ask(key, "nonsense", "/orders", { body });
  }
}
