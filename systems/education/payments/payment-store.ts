import type { Caller } from "holdfast/contract";
import { derivedId } from "holdfast/runtime";
import type { Streams } from "holdfast/streams";
import { visibleTo } from "../../visible-to.ts";
import { UnknownPayment, type Payment } from "./contracts.ts";
import type { Decision } from "./payment-life.ts";
import type { Ask, PaymentEvent, PaymentState } from "./payment.ts";
import type { PaymentsDb } from "./tables.ts";

export const paymentIdOf = (registrationId: string): string => derivedId("payment", registrationId);

/** A payment that a registration was heard of for. */
export interface Asked {
  readonly paymentId: string;
  readonly ask: Ask;
  readonly state: PaymentState;
}

/** What is shown, to those who may see it; decisions go by the streams. */
export class PaymentStore {
  readonly #db: PaymentsDb;
  readonly #streams: Streams<PaymentEvent, PaymentState>;
  readonly #caller: Caller | undefined;

  constructor(db: PaymentsDb, streams: Streams<PaymentEvent, PaymentState>, caller: Caller | undefined) {
    this.#db = db;
    this.#streams = streams;
    this.#caller = caller;
  }

  /** Records what is decided on the payment as it is, and gives what follows. `decide` may be called again. */
  async decide(paymentId: string, decide: (state: PaymentState) => Decision) {
    const found = await this.#streams.load(paymentId);
    const { facts, next } = decide(found.state);
    await found.append(...facts);
    return { next, state: found.state };
  }

  /** For payments itself, which asks for nobody. Throws `payments/unknown-payment`. */
  async read(paymentId: string): Promise<Asked> {
    const { state } = await this.#streams.load(paymentId);
    if (state.ask === undefined) throw UnknownPayment({ paymentId });
    return { paymentId, ask: state.ask, state };
  }

  /** Throws `payments/unknown-payment` alike for what is absent and what is not the caller's to see. */
  async require(paymentId: string): Promise<Payment> {
    const row = await this.#visible().where("paymentId", "=", paymentId).executeTakeFirst();
    const shown = row === undefined ? undefined : toPayment(row);
    if (shown === undefined) throw UnknownPayment({ paymentId });
    return shown;
  }

  /** Those that registrations were heard of for, by their ids. */
  async list({ registrationId, after, limit }: PageOf): Promise<Payment[]> {
    const rows = await this.#visible()
      .where("amount", "is not", null)
      .$if(registrationId !== undefined, (all) => all.where("registrationId", "=", registrationId ?? ""))
      .$if(after !== undefined, (all) => all.where("paymentId", ">", after ?? ""))
      .orderBy("paymentId")
      .limit(limit)
      .execute();
    return rows.flatMap((row) => toPayment(row) ?? []);
  }

  /** Every query that reads what is shown begins here. */
  #visible() {
    return this.#db.selectFrom("payments").selectAll().where(visibleTo(this.#caller));
  }
}

interface PageOf {
  readonly registrationId: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}
interface Row {
  readonly paymentId: string;
  readonly state: PaymentState["stage"];
  readonly registrationId: string | null;
  readonly userId: string | null;
  readonly courseId: string | null;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly reason: string | null;
  readonly createdAt: number | null;
}

/** Undefined while the registration has not been heard of. */
function toPayment({ paymentId, state, amount, currency, createdAt, reason, ...subject }: Row): Payment | undefined {
  const { registrationId, userId, courseId } = subject;
  if (state === "unheard" || registrationId === null || userId === null || courseId === null) return undefined;
  if (amount === null || currency === null || createdAt === null) return undefined;
  return {
    paymentId,
    registrationId,
    userId,
    courseId,
    total: { amount, currency },
    state,
    ...(reason === null ? {} : { reason }),
    createdAt: new Date(createdAt).toISOString(),
  };
}
