import type { Caller } from "holdfast/contract";
import { isVisibleTo } from "../../visible-to.ts";
import { UnknownCustomer } from "./contracts.ts";
import type { OrdersDb } from "./tables.ts";

export interface KnownCustomer {
  readonly customerId: string;
  readonly owner?: string;
}

/** The customers that the caller may order for. */
export class KnownCustomers {
  readonly #db: OrdersDb;
  readonly #caller: Caller | undefined;

  constructor(db: OrdersDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  async has(customerId: string): Promise<boolean> {
    return (await this.#find(customerId)) !== undefined;
  }

  /** Keeps what is known already: `customer.created` and an order that asked first may come in any order. */
  async remember({ customerId, owner }: KnownCustomer): Promise<void> {
    await this.#db
      .insertInto("knownCustomers")
      .values({ customerId, owner: owner ?? null, orders: 0 })
      .onConflict((conflict) => conflict.column("customerId").doNothing())
      .execute();
  }

  /** Throws `orders/unknown-customer` where the caller may not order; `asked` is a customer that is not remembered yet. */
  async check(customerId: string, asked?: KnownCustomer): Promise<void> {
    const owner = asked === undefined ? (await this.#find(customerId))?.owner : (asked.owner ?? null);
    if (owner === undefined || !mayOrderFor(this.#caller, owner)) throw UnknownCustomer({ customerId });
  }

  async #find(customerId: string) {
    return this.#db
      .selectFrom("knownCustomers")
      .select("owner")
      .where("customerId", "=", customerId)
      .executeTakeFirst();
  }

  /** Counts one more order of the customer and gives its number; throws `orders/unknown-customer` where the caller may not order. */
  async countOrder(customerId: string): Promise<number> {
    const row = await this.#db
      .updateTable("knownCustomers")
      .set((at) => ({ orders: at("orders", "+", 1) }))
      .where("customerId", "=", customerId)
      .returning(["orders", "owner"])
      .executeTakeFirst();
    if (row === undefined || !mayOrderFor(this.#caller, row.owner)) throw UnknownCustomer({ customerId });
    return row.orders;
  }
}

/** A service has nobody's order to place in its own name: it would belong to nobody, and be everybody's to see. */
const mayOrderFor = (caller: Caller | undefined, owner: string | null): boolean =>
  owner === null || (caller?.kind === "user" && isVisibleTo(caller, owner));
