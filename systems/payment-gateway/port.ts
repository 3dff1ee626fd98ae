import { compile, t, type TSchema } from "holdfast/contract";

export interface ChargeRequest {
  /** Names the charge: the same key is the same charge, however often it is asked for. */
  readonly key: string;
  /** In minor units, 0 included. A gateway declines an amount that it does not take. */
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
  /** A token that stands for the customer's card. */
  readonly method: string;
  /** What it is for, for a person who reads the statement. */
  readonly reference: string;
  /** No earlier was it asked for, in milliseconds since 1970: how old its key may be. @default it is younger than `keyRetentionMs` */
  readonly since?: number | undefined;
}
export type ChargeOutcome =
  | { readonly kind: "charged"; readonly chargeId: string }
  | { readonly kind: "declined"; readonly reason: string };

export interface RefundRequest {
  readonly key: string;
  readonly chargeId: string;
  readonly amount: number;
  readonly currency: string;
}

/**
 * Whoever takes the money. An answer is definite, and the same for ever under the same key; `GatewayUnavailable` says that there was none: ask again with
 * the same key. `GatewayRefused` says that the request itself is wrong, and would be so again; nothing was charged or given back by it.
 */
export interface PaymentGateway extends AsyncDisposable {
  charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeOutcome>;
  /** Gives money back, once a key. */
  refund(request: RefundRequest, signal: AbortSignal): Promise<{ readonly refundId: string }>;
}

/** How long a gateway knows its keys: a repetition after that could be a second charge, unless it looks for the first one. */
export const keyRetentionMs = 24 * 60 * 60_000;

export class GatewayUnavailable extends Error {
  readonly reason: string;
  constructor(reason: string, options?: ErrorOptions) {
    super(`The payment gateway gave no answer: ${reason}`, options);
    this.name = "GatewayUnavailable";
    this.reason = reason;
  }
}

export class GatewayRefused extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(`The payment gateway refused the request: ${reason}`);
    this.name = "GatewayRefused";
    this.reason = reason;
  }
}

/** What the embedded gateway makes of a method; the same words in its documentation. Any other method is declined. */
export const testMethods = {
  card_ok: "is charged",
  card_declined: "is declined",
  card_insufficient_funds: "is declined for want of funds",
  card_slow: "is charged after two seconds",
  card_down: "gives no answer three times, and is charged then",
  card_answer_lost: "is charged, and the first answer is lost",
  card_declined_answer_lost: "is declined, and the first answer is lost",
} as const;
export type TestMethod = keyof typeof testMethods;

const text = t.String({ minLength: 1, maxLength: 200 });
const amount = t.Integer({ minimum: 0, maximum: 1_000_000_000_000 });
const currency = t.String({ pattern: "^[A-Z]{3}$" });

/** What every gateway asks of a request before it does anything; throws `GatewayRefused`, which names the field. */
export const checkCharge = checker<ChargeRequest>(
  t.Object({ key: text, amount, currency, method: text, reference: text, since: t.Optional(t.Integer()) }),
);
export const checkRefund = checker<RefundRequest>(t.Object({ key: text, chargeId: text, amount, currency }));

function checker<T>(schema: TSchema): (value: unknown) => T {
  const validator = compile(schema, { open: false });
  return (value) => {
    const [wrong] = validator.check(value) ? [] : validator.errors(value);
    if (wrong !== undefined) throw new GatewayRefused(`${wrong.field} ${wrong.message}`);
    return value as T; // Proof: checked against the schema of T.
  };
}
