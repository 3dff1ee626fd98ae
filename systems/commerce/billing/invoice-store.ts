import type { Caller } from "holdfast/contract";
import { everybody, visibleTo } from "../../visible-to.ts";
import { OtherTotal, UnknownInvoice, type Invoice } from "./contracts.ts";
import type { State } from "./invoice-life.ts";
import type { BillingDb } from "./tables.ts";

/** An invoice with what the gateway is sent. */
export interface Payable extends Invoice {
  readonly paymentMethod: string;
  readonly chargeId: string | undefined;
  readonly owner: string | undefined;
}

export interface NewInvoice extends Pick<Payable, "orderId" | "invoiceId" | "customerId" | "total" | "paymentMethod"> {
  readonly owner?: string | undefined;
  readonly createdAt: Date;
}

/** The invoices that the caller may see, to read and to lock. Consumers and jobs see all of them. */
export class InvoiceStore {
  readonly #db: BillingDb;
  readonly #caller: Caller | undefined;

  constructor(db: BillingDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  /** All of them: for what the payment gateway reports, which has no caller. */
  ofEverybody(): InvoiceStore {
    return new InvoiceStore(this.#db, everybody);
  }

  /** The order's invoice, made where there is none: `void` where the order was rejected before. Throws `billing/other-total`. */
  async open(invoice: NewInvoice): Promise<{ readonly invoice: Payable; readonly isNew: boolean }> {
    const { orderId, total, createdAt, owner, ...rest } = invoice;
    const rejection = await this.#hear(orderId, undefined);
    const row = await this.#db
      .insertInto("invoices")
      .values({
        ...rest,
        orderId,
        amount: total.amount,
        currency: total.currency,
        owner: owner ?? null,
        state: rejection === undefined ? "charging" : "void",
        chargeId: null,
        reason: rejection ?? null,
        createdAt: createdAt.getTime(),
      })
      .onConflict((conflict) => conflict.column("orderId").doNothing())
      .returning("orderId")
      .executeTakeFirst();
    const found = await this.lock(orderId);
    if (found.total.amount !== total.amount || found.total.currency !== total.currency) throw OtherTotal({ orderId });
    return { invoice: found, isNew: row !== undefined };
  }

  /** Throws `billing/unknown-invoice` alike for what is absent and what is not the caller's to see. */
  async require(orderId: string): Promise<Payable> {
    const row = await this.#visible().where("orderId", "=", orderId).executeTakeFirst();
    if (row === undefined) throw UnknownInvoice({ orderId });
    return toPayable(row);
  }

  /** For the rest of the unit. */
  async lock(orderId: string): Promise<Payable> {
    const found = await this.find(orderId);
    if (found === undefined) throw UnknownInvoice({ orderId });
    return found;
  }

  async find(orderId: string): Promise<Payable | undefined> {
    const row = await this.#visible().where("orderId", "=", orderId).forUpdate().executeTakeFirst();
    return row === undefined ? undefined : toPayable(row);
  }

  async move(
    orderId: string,
    change: { readonly state: State; readonly chargeId?: string | undefined; readonly reason?: string | undefined },
  ): Promise<void> {
    await this.#db
      .updateTable("invoices")
      .set({
        state: change.state,
        ...(change.chargeId === undefined ? {} : { chargeId: change.chargeId }),
        ...(change.reason === undefined ? {} : { reason: change.reason }),
      })
      .where("orderId", "=", orderId)
      .execute();
  }

  /** The order was rejected: where it has no invoice yet, it gets none that is charged. Gives the one that it has. */
  async reject(orderId: string, reason: string): Promise<Payable | undefined> {
    await this.#hear(orderId, reason);
    return this.find(orderId);
  }

  /** Every query that reads invoices begins here. */
  #visible() {
    return this.#db.selectFrom("invoices").selectAll().where(visibleTo(this.#caller));
  }

  /** Locks what is known of the order for the rest of the unit, adds a rejection to it, and gives the first one. */
  async #hear(orderId: string, rejection: string | undefined): Promise<string | undefined> {
    const row = await this.#db
      .insertInto("heardOrders")
      .values({ orderId, rejection: rejection ?? null })
      .onConflict((conflict) =>
        conflict
          .column("orderId")
          .doUpdateSet((at) => ({ rejection: at.fn.coalesce("heardOrders.rejection", "excluded.rejection") })),
      )
      .returning("rejection")
      .executeTakeFirst();
    return row?.rejection ?? undefined;
  }
}

interface InvoiceRow {
  readonly orderId: string;
  readonly invoiceId: string;
  readonly customerId: string;
  readonly owner: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly paymentMethod: string;
  readonly state: State;
  readonly chargeId: string | null;
  readonly reason: string | null;
  readonly createdAt: number;
}

const toPayable = ({ owner, amount, currency, chargeId, reason, createdAt, ...row }: InvoiceRow): Payable => ({
  ...row,
  total: { amount, currency },
  ...(reason === null ? {} : { reason }),
  chargeId: chargeId ?? undefined,
  owner: owner ?? undefined,
  createdAt: new Date(createdAt).toISOString(),
});
