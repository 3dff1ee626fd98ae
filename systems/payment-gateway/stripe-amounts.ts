import { written, type Money } from "../money.ts";

/**
 * Where Stripe's smallest unit is not that of ISO 4217: so many of its units are one of ours. ISK and UGX have two decimals in its API, MGA has none.
 * HUF and TWD, its other special cases, differ in payouts alone. https://docs.stripe.com/currencies#special-cases
 */
const factors: Readonly<Record<string, number>> = { ISK: 100, UGX: 100, MGA: 1 / 100 };
/**
 * Only multiples are taken: of whole ariary, and of three decimals those whose last one is 0 (5.120 KWD, not 5.124).
 * https://docs.stripe.com/currencies#three-decimal
 */
const steps: Readonly<Record<string, number>> = { MGA: 100, BHD: 10, JOD: 10, KWD: 10, OMR: 10, TND: 10 };

/** An amount as Stripe counts it, or why it cannot take that amount; nothing is rounded. */
export function stripeMoney({ amount, currency }: Money): Money | { readonly refused: string } {
  if (amount === 0) return { refused: `the gateway takes no payment of ${written({ amount, currency })}` };
  const step = steps[currency] ?? 1;
  if (amount % step !== 0)
    return {
      refused: `the gateway takes multiples of ${written({ amount: step, currency })}, and no ${written({ amount, currency })}`,
    };
  // A multiple of the step: the product is whole but for what the factor 1 / 100 adds.
  return { amount: Math.round(amount * (factors[currency] ?? 1)), currency: currency.toLowerCase() };
}
