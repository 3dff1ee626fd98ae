import type { Money } from "../../money.ts";
import { UnknownProduct } from "./contracts.ts";
import type { OrdersDb } from "./tables.ts";

export interface KnownProduct {
  readonly sku: string;
  readonly name: string;
  readonly price: Money;
}

/** What is sold, and for how much. */
export class KnownProducts {
  readonly #db: OrdersDb;

  constructor(db: OrdersDb) {
    this.#db = db;
  }

  /** Those of the SKUs that nothing is known of. */
  async missing(skus: readonly string[]): Promise<readonly string[]> {
    const known = await this.#find(skus);
    return skus.filter((sku) => !known.has(sku));
  }

  /** The prices as they are now; throws `orders/unknown-product`. `asked` are products that are not remembered yet. */
  async prices(skus: readonly string[], asked: readonly KnownProduct[] = []): Promise<ReadonlyMap<string, Money>> {
    const known = new Map([...asked.map(({ sku, price }) => [sku, price] as const), ...(await this.#find(skus))]);
    for (const sku of skus) if (!known.has(sku)) throw UnknownProduct({ sku });
    return known;
  }

  /** What `stock.updated` says. */
  async learn({ sku, name, price }: KnownProduct): Promise<void> {
    const { amount, currency } = price;
    await this.#db
      .insertInto("knownProducts")
      .values({ sku, name, amount, currency })
      .onConflict((conflict) => conflict.column("sku").doUpdateSet({ name, amount, currency }))
      .execute();
  }

  /** Keeps what is known already: it is newer than any answer. */
  async remember({ sku, name, price: { amount, currency } }: KnownProduct): Promise<void> {
    await this.#db
      .insertInto("knownProducts")
      .values({ sku, name, amount, currency })
      .onConflict((conflict) => conflict.column("sku").doNothing())
      .execute();
  }

  async #find(skus: readonly string[]): Promise<ReadonlyMap<string, Money>> {
    const rows = await this.#db
      .selectFrom("knownProducts")
      .select(["sku", "amount", "currency"])
      .where("sku", "in", [...skus])
      .execute();
    return new Map(rows.map(({ sku, amount, currency }) => [sku, { amount, currency }]));
  }
}
