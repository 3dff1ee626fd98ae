import { t, type Value } from "holdfast/contract";

/** An amount in minor units: 1999 EUR is 19.99 €. */
export const Money = t.Object({
  amount: t.Integer({ minimum: 0, maximum: 1_000_000_000_000, description: "In minor units: cents" }),
  currency: t.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" }),
});
export interface Money extends Value<typeof Money> {}

export const times = ({ amount, currency }: Money, count: number): Money => ({ amount: amount * count, currency });
