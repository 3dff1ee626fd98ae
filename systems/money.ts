import { t, type Value } from "holdfast/contract";

/** An amount in minor units: 1999 EUR is 19.99 €. */
export const Money = t.Object({
  amount: t.Integer({ minimum: 0, maximum: 1_000_000_000_000, description: "In minor units: cents" }),
  currency: t.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" }),
});
export interface Money extends Value<typeof Money> {}

/** What pays: never a card number. */
export const PaymentMethod = t.String({
  // Digits alone, also in groups, are what stands on a card: it must not get into a store.
  pattern: "^(?![0-9_-]{12,}$)[A-Za-z0-9_-]{1,64}$",
  description: "A token of the payment gateway; never a card number",
});

/** For people: `19.99 EUR`. Currencies of two decimals. */
export const written = ({ amount, currency }: Money): string => `${(amount / 100).toFixed(2)} ${currency}`;
