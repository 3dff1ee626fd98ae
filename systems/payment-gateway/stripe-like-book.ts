import type { LedgerEntry } from "./ledger.ts";

/** A payment intent, as far as it is read here (https://docs.stripe.com/api/payment_intents/object). */
export interface Intent {
  readonly id: string;
  readonly object: "payment_intent";
  readonly amount: number;
  readonly currency: string;
  readonly created: number;
  readonly metadata: Readonly<Record<string, string>>;
  status: "succeeded" | "processing" | "requires_action" | "requires_payment_method" | "canceled";
  last_payment_error: CardError | null;
  cancellation_reason: string | null;
}
interface Refund {
  readonly id: string;
  readonly object: "refund";
  readonly amount: number;
  readonly currency: string;
  readonly payment_intent: string;
  readonly metadata: Readonly<Record<string, string>>;
  status: "succeeded" | "failed";
  failure_reason?: string;
}
export interface CardError {
  readonly type: "card_error";
  readonly code: string;
  readonly decline_code: string;
  readonly message: string;
}
export interface Answer {
  readonly status: number;
  readonly body: object;
  /** Where its parameters were not valid: it has not begun, and is not kept under its key. */
  readonly unbegun?: true;
}
type Form = URLSearchParams;

const cardError = (code: string, decline_code: string): CardError => ({
  type: "card_error",
  code,
  decline_code,
  message: "Your card was declined.",
});

export const genericDecline = cardError("card_declined", "generic_decline");

/** The documented ones (https://docs.stripe.com/testing), and such as stay on the way; what is done about the answer of the rest is the server's part. */
const methods: Readonly<Record<string, Intent["status"] | CardError>> = {
  pm_card_visa: "succeeded",
  pm_card_chargeDeclined: genericDecline,
  pm_card_chargeDeclinedInsufficientFunds: cardError("card_declined", "insufficient_funds"),
  pm_card_authenticationRequired: cardError("authentication_required", "authentication_required"),
  pm_like_processing: "processing",
  pm_like_requiresAction: "requires_action",
  pm_like_down: "succeeded",
  pm_like_answerLost: "succeeded",
  pm_like_silent: "succeeded",
};

const invalid = (message: string, more: object = {}, status = 400): Answer => ({
  status,
  body: { error: { type: "invalid_request_error", message, ...more } },
});
const missing = (what: string, id: string, param: string, status = 404): Answer =>
  invalid(`No such ${what}: '${id}'`, { code: "resource_missing", param }, status);
const metadataOf = (form: Form): Record<string, string> =>
  Object.fromEntries(
    [...form].flatMap(([name, value]) => {
      const field = /^metadata\[(\w+)\]$/.exec(name)?.[1];
      return field === undefined ? [] : [[field, value]];
    }),
  );

/** https://docs.stripe.com/error-codes; the limits are those of EUR, whatever the currency. */
function wrongAmount(amount: number, currency: string): Answer | undefined {
  if (!/^[a-z]{3}$/.test(currency)) return invalid("Invalid currency", { param: "currency" });
  const param = "amount";
  if (!Number.isInteger(amount) || amount < 1)
    return invalid("This value must be greater than or equal to 1.", { code: "parameter_invalid_integer", param });
  if (amount < 50) return invalid("Amount must be at least €0.50 eur", { code: "amount_too_small", param });
  if (amount > 99_999_999)
    return invalid("Amount must be no more than €999,999.99", { code: "amount_too_large", param });
  return undefined;
}

/** What Stripe would know of an account: its intents and what was given back of them. */
export class StripeBook {
  readonly intents = new Map<string, Intent>();
  readonly refunds: Refund[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  charge(form: Form): Answer {
    const amount = Number(form.get("amount"));
    const method = form.get("payment_method") ?? "";
    const does = methods[method];
    const wrong = wrongAmount(amount, form.get("currency") ?? "");
    if (wrong !== undefined) return { ...wrong, unbegun: true };
    if (form.get("confirm") !== "true" || form.get("automatic_payment_methods[allow_redirects]") !== "never")
      return { ...invalid("You must provide a `return_url`."), unbegun: true };
    if (does === undefined) return { ...missing("PaymentMethod", method, "payment_method", 400), unbegun: true };
    const failed = typeof does === "string" ? null : does;
    const intent: Intent = {
      id: `pi_like${String(this.intents.size + 1)}`,
      object: "payment_intent",
      amount,
      currency: form.get("currency") ?? "",
      created: Math.floor(this.#now() / 1_000),
      metadata: metadataOf(form),
      status: typeof does === "string" ? does : "requires_payment_method",
      last_payment_error: failed,
      cancellation_reason: null,
    };
    this.intents.set(intent.id, intent);
    return failed === null
      ? { status: 200, body: { ...intent } }
      : { status: 402, body: { error: { ...failed, payment_intent: { ...intent } } } };
  }

  retrieve(id: string): Answer {
    const intent = this.intents.get(id);
    return intent === undefined ? missing("payment_intent", id, "intent") : { status: 200, body: { ...intent } };
  }

  /** Of Stripe's language of queries what is asked here: one value of metadata. */
  search(query: string): Answer {
    const [, name = "", value = ""] = /^metadata\["(\w+)"\]:"(.*)"$/.exec(query) ?? [];
    const data = [...this.intents.values()].filter(
      ({ metadata }) => metadata[name] === value.replaceAll(/\\(.)/g, "$1"),
    );
    return { status: 200, body: { object: "search_result", url: "/v1/payment_intents/search", has_more: false, data } };
  }

  cancel(id: string, form: Form): Answer {
    const intent = this.intents.get(id);
    if (intent === undefined) return missing("payment_intent", id, "intent");
    if (["succeeded", "canceled", "processing"].includes(intent.status))
      return invalid(`This PaymentIntent has a status of ${intent.status}.`, {
        code: "payment_intent_unexpected_state",
      });
    intent.status = "canceled";
    intent.cancellation_reason = form.get("cancellation_reason");
    return { status: 200, body: { ...intent } };
  }

  refund(form: Form): Answer {
    const id = form.get("payment_intent") ?? "";
    const amount = Number(form.get("amount"));
    const intent = this.intents.get(id);
    if (intent === undefined) return missing("payment_intent", id, "payment_intent");
    if (amount > intent.amount - this.#refunded(id))
      return invalid("The refund is greater than what is left of the charge.", { code: "charge_already_refunded" });
    const refund: Refund = {
      id: `re_like${String(this.refunds.length + 1)}`,
      object: "refund",
      amount,
      currency: intent.currency,
      payment_intent: id,
      metadata: metadataOf(form),
      status: "succeeded",
    };
    this.refunds.push(refund);
    return { status: 200, body: { ...refund } };
  }

  listRefunds(form: Form): Answer {
    const all = this.refunds.filter(({ payment_intent }) => payment_intent === form.get("payment_intent")).toReversed();
    const from = all.findIndex(({ id }) => id === form.get("starting_after")) + 1;
    const limit = Number(form.get("limit") ?? 10);
    const data = all.slice(from, from + limit);
    return { status: 200, body: { object: "list", url: "/v1/refunds", has_more: from + limit < all.length, data } };
  }

  ledger(): readonly LedgerEntry[] {
    return [...this.intents.values()].map(({ id, amount, currency, metadata, status }) => ({
      reference: metadata["reference"] ?? "",
      key: metadata["key"] ?? "",
      chargeId: status === "succeeded" ? id : undefined,
      charged: status === "succeeded" ? amount : 0,
      refunded: this.#refunded(id),
      currency: currency.toUpperCase(),
    }));
  }

  #refunded(id: string): number {
    const given = this.refunds.filter(({ payment_intent, status }) => payment_intent === id && status === "succeeded");
    return given.reduce((sum, { amount }) => sum + amount, 0);
  }
}
