import type { Caller } from "holdfast/contract";
import { ownerOf, visibleTo } from "../../visible-to.ts";
import { UnknownCustomer, type Customer } from "./contracts.ts";
import type { CustomersDb } from "./tables.ts";

export interface NewRecord {
  readonly customerId: string;
  readonly name: string;
  readonly email: string;
  readonly createdAt: Date;
}

/** The customers that the caller may see. */
export class CustomerStore {
  readonly #db: CustomersDb;
  readonly #caller: Caller | undefined;

  constructor(db: CustomersDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  async insert({
    customerId,
    name,
    email,
    createdAt,
  }: NewRecord): Promise<{ customer: Customer; owner: string | undefined }> {
    const owner = ownerOf(this.#caller);
    await this.#db
      .insertInto("customers")
      .values({ customerId, name, email, owner: owner ?? null, createdAt: createdAt.getTime() })
      .execute();
    return { customer: { customerId, name, email, createdAt: createdAt.toISOString() }, owner };
  }

  /** Throws `customers/unknown-customer` alike for what is absent and what is someone else's. */
  async require(customerId: string): Promise<{ customer: Customer; owner: string | undefined }> {
    const row = await this.#db
      .selectFrom("customers")
      .selectAll()
      .where("customerId", "=", customerId)
      .where(visibleTo(this.#caller))
      .executeTakeFirst();
    if (row === undefined) throw UnknownCustomer({ customerId });
    const { name, email, owner, createdAt } = row;
    return {
      customer: { customerId, name, email, createdAt: new Date(createdAt).toISOString() },
      owner: owner ?? undefined,
    };
  }
}
