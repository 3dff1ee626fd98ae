import type { Stripe } from "stripe";
import { GatewayRefused, GatewayUnavailable } from "./port.ts";

type Errors = Stripe["errors"];

export const wantsCustomer = "the bank wants the customer to confirm the payment";

/** Of https://docs.stripe.com/declines/codes those that a customer can do something about; that a card was stolen is not told to who presents it. */
const reasons: Readonly<Record<string, string>> = {
  insufficient_funds: "the card has insufficient funds",
  expired_card: "the card has expired",
  incorrect_cvc: "the card's security code is wrong",
  invalid_cvc: "the card's security code is wrong",
  incorrect_number: "the card's number is wrong",
  invalid_number: "the card's number is wrong",
  card_not_supported: "the card does not support this purchase",
  currency_not_supported: "the card does not support the currency",
  card_velocity_exceeded: "the card has reached a limit",
  withdrawal_count_limit_exceeded: "the card has reached a limit",
  authentication_required: wantsCustomer,
};

interface Said {
  readonly code?: string | undefined;
  readonly decline_code?: string | undefined;
}

/** The same words for ever, whatever Stripe's are by then. */
export const reasonOf = ({ code = "", decline_code = "" }: Said): string =>
  reasons[decline_code] ?? reasons[code] ?? "the card was declined";

/** Its limits depend on the currency, and on the account's: only it knows them. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const amountReasons: Readonly<Record<string, string>> = {
  amount_too_small: "the amount is less than the gateway takes",
  amount_too_large: "the amount is more than the gateway takes",
};

/** Why a payment is declined; undefined where the error is none of the card's or the amount's. */
export function declineOf(error: unknown, errors: Errors): string | undefined {
  if (error instanceof errors.StripeCardError) return reasonOf(error);
  if (!(error instanceof errors.StripeInvalidRequestError)) return undefined;
  const amountReason = amountReasons[error.code ?? ""];
  if (amountReason !== undefined) return amountReason;
  if (error.param !== "payment_method") return undefined;
  return error.code === "resource_missing"
    ? "the gateway does not know the payment method"
    : "the payment method cannot be used";
}

/** What the port makes of an error. Stripe's words are left out where they may quote a key. */
export function portError(error: unknown, errors: Errors): unknown {
  if (!(error instanceof errors.StripeError)) return error;
  const { statusCode, code, requestId, message } = error;
  const about = [code, requestId].filter((text) => text !== undefined).join(", ");
  if (error instanceof errors.StripeIdempotencyError && code !== "idempotency_key_in_use")
    return new GatewayRefused("the key was used with another request.");
  // A 409 says that the same key is in work. What Stripe has not begun is not kept under the key.
  if (error instanceof errors.StripeInvalidRequestError && code !== "idempotency_key_in_use" && code !== "lock_timeout")
    return new GatewayRefused(`${message} (${about})`);
  return statusCode === undefined
    ? new GatewayUnavailable("it could not be reached, or its answer was lost.", { cause: error.detail })
    : new GatewayUnavailable(`it answered ${String(statusCode)} (${about}).`);
}
