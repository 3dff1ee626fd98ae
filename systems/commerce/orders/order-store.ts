import type { Caller } from "holdfast/contract";
import { visibleTo } from "../../visible-to.ts";
import { UnknownOrder, type Order, type OrderFact } from "./contracts.ts";
import { placed, type OrderState } from "./order-life.ts";
import type { OrdersDb } from "./tables.ts";

export interface Told extends Pick<OrderFact, "fact" | "effect"> {
  readonly at: Date;
  readonly note: string;
}

/** The orders that the caller may see, to read and to lock. Consumers and jobs see all of them. */
export class OrderStore {
  readonly #db: OrdersDb;
  readonly #caller: Caller | undefined;

  constructor(db: OrdersDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  async insert({ orderId, customerId, number, lines, total, createdAt }: Order, owner: string | undefined) {
    const at = Date.parse(createdAt);
    const { status, paid, reserved } = placed;
    await this.#db
      .insertInto("orders")
      .values({
        orderId,
        customerId,
        number,
        owner: owner ?? null,
        status,
        paid,
        reserved,
        reason: null,
        lines,
        amount: total.amount,
        currency: total.currency,
        createdAt: at,
      })
      .execute();
    await this.#record(orderId, { at: new Date(at), fact: "placed", effect: "noted", note: "" });
  }

  /** Throws `orders/unknown-order` alike for what is absent and what is someone else's. */
  async require(orderId: string): Promise<Order> {
    const row = await this.#visible().where("orderId", "=", orderId).executeTakeFirst();
    if (row === undefined) throw UnknownOrder({ orderId });
    return toOrder(row);
  }

  /** An order and where it stands, for the rest of the unit. Throws `orders/unknown-order` as `require` does. */
  async lock(orderId: string): Promise<{ readonly order: Order; readonly state: OrderState }> {
    const row = await this.#visible().where("orderId", "=", orderId).forUpdate().executeTakeFirst();
    if (row === undefined) throw UnknownOrder({ orderId });
    const { status, paid, reserved, reason } = row;
    return { order: toOrder(row), state: { status, paid, reserved, reason: reason ?? undefined } };
  }

  async move(orderId: string, { status, paid, reserved, reason }: OrderState, told: Told): Promise<void> {
    await this.#record(orderId, told);
    await this.#db
      .updateTable("orders")
      .set({ status, paid, reserved, reason: reason ?? null })
      .where("orderId", "=", orderId)
      .execute();
  }

  async history(orderId: string): Promise<OrderFact[]> {
    await this.require(orderId);
    const rows = await this.#db
      .selectFrom("orderFacts")
      .selectAll()
      .where("orderId", "=", orderId)
      .orderBy("id")
      .execute();
    return rows.map(({ at, fact, effect, note }) => ({
      at: new Date(at).toISOString(),
      fact,
      effect,
      ...(note === null ? {} : { note }),
    }));
  }

  /** Newest first, `limit` at most, those below number `before`. */
  async ofCustomer(
    customerId: string,
    page: { readonly before: number | undefined; readonly limit: number },
  ): Promise<readonly Order[]> {
    const rows = await this.#visible()
      .where("customerId", "=", customerId)
      .where("number", "<", page.before ?? Number.MAX_SAFE_INTEGER)
      .orderBy("number", "desc")
      .limit(page.limit)
      .execute();
    return rows.map(toOrder);
  }

  /** Every query that reads orders begins here. */
  #visible() {
    return this.#db.selectFrom("orders").selectAll().where(visibleTo(this.#caller));
  }

  async #record(orderId: string, { at, fact, effect, note }: Told): Promise<void> {
    await this.#db
      .insertInto("orderFacts")
      .values({ orderId, at: at.getTime(), fact, effect, note: note === "" ? null : note })
      .execute();
  }
}

interface OrderRow extends Omit<Order, "createdAt" | "lines" | "total" | "reason"> {
  readonly lines: readonly Order["lines"][number][];
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly createdAt: number;
}

function toOrder({ lines, amount, currency, reason, createdAt, ...row }: OrderRow): Order {
  const { orderId, customerId, number, status } = row;
  return {
    orderId,
    customerId,
    number,
    status,
    ...(reason === null ? {} : { reason }),
    lines: [...lines],
    total: { amount, currency },
    createdAt: new Date(createdAt).toISOString(),
  };
}
