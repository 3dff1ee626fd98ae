import type { Caller } from "holdfast/contract";
import { UnknownOrder, type Order } from "./contracts.ts";
import type { OrdersDb } from "./tables.ts";

/** The orders that the caller may see. */
export class OrderStore {
  readonly #db: OrdersDb;
  readonly #caller: Caller | undefined;

  constructor(db: OrdersDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  async insert(order: Order): Promise<void> {
    const owner = this.#caller?.kind === "user" ? this.#caller.id : null;
    await this.#db
      .insertInto("orders")
      .values({ ...order, owner, createdAt: Date.parse(order.createdAt) })
      .execute();
  }

  /** Throws `orders/unknown-order` alike for what is absent and what is someone else's. */
  async require(orderId: string): Promise<Order> {
    const row = await this.#db.selectFrom("orders").selectAll().where("orderId", "=", orderId).executeTakeFirst();
    if (row === undefined || !maySee(this.#caller, row.owner)) throw UnknownOrder({ orderId });
    return toOrder(row);
  }

  /** Newest first, `limit` at most, those below number `before`. */
  async ofCustomer(
    customerId: string,
    page: { readonly before: number | undefined; readonly limit: number },
  ): Promise<readonly Order[]> {
    const rows = await this.#db
      .selectFrom("orders")
      .selectAll()
      .where("customerId", "=", customerId)
      .where("number", "<", page.before ?? Number.MAX_SAFE_INTEGER)
      .orderBy("number", "desc")
      .limit(page.limit)
      .execute();
    return rows.map(toOrder);
  }
}

interface OrderRow extends Omit<Order, "createdAt" | "lines"> {
  readonly lines: readonly Order["lines"][number][];
  readonly createdAt: number;
}

function toOrder({ orderId, customerId, number, status, lines, createdAt }: OrderRow): Order {
  return { orderId, customerId, number, status, lines: [...lines], createdAt: new Date(createdAt).toISOString() };
}

/** A guest's order is reachable by its unguessable id; a user's by that user, operators and services. */
function maySee(caller: Caller | undefined, owner: string | null): boolean {
  if (owner === null || caller?.kind === "service") return true;
  return caller !== undefined && (caller.id === owner || caller.roles.includes("operator"));
}
