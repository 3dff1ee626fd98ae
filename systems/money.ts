import { t, type Value } from "holdfast/contract";
import { currencies, decimalsOf } from "./currencies.ts";

export const minorUnits = "In the currency's minor units: cents, yen, fils";
/** The largest amount, in minor units: of a price, and of what prices add up to. */
export const largestAmount = 1_000_000_000_000;

/** An amount in minor units: 1999 EUR is 19.99 €, 1999 JPY is ¥1999. As it was recorded: its currency may have been withdrawn since. */
export const Money = t.Object({
  amount: t.Integer({
    minimum: 0,
    maximum: largestAmount,
    description: minorUnits,
  }),
  currency: t.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" }),
});
export interface Money extends Value<typeof Money> {}

/** What a price is set to: an amount of a currency that exists. */
export const Price = t.Object({
  amount: Money.properties.amount,
  currency: t.String({ enum: currencies, description: "ISO 4217" }),
});

/**
 * What stands on a card must not get into a store, with letters around it either: nothing but digits and separators, 13 digits in a row, or digits in
 * the groups of a card. UUIDs and long hexadecimal tokens may hold as many digits.
 */
const cardNumbers = [
  "[0-9]{13}",
  "[0-9]{4}(?:[g-zG-Z_-][0-9]{4}){3}(?!-?[0-9a-fA-F]{5})",
  "[0-9]{4}[g-zG-Z_-][0-9]{6}[g-zG-Z_-][0-9]{4}",
].join("|");
const hexadecimal = "[0-9a-fA-F]{24}";

/** What pays: never a card number. */
export const PaymentMethod = t.String({
  pattern: `^(?![0-9_-]{12,30}$)(?!(?!.*${hexadecimal}).*(?:${cardNumbers}))[A-Za-z0-9_-]{1,64}$`,
  description: "A token of the payment gateway; never a card number",
});

/** For people: `19.99 EUR`, `1999 JPY`, `1.999 KWD`. */
export function written({ amount, currency }: Money): string {
  const decimals = decimalsOf(currency);
  const digits = String(amount).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return `${decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`} ${currency}`;
}

/** What so many of each come to, in minor units of one currency; undefined where that is more than `largestAmount`. */
export function sumOf(parts: readonly { readonly amount: number; readonly quantity: number }[]): number | undefined {
  const sum = parts.reduce((all, { amount, quantity }) => all + BigInt(amount) * BigInt(quantity), 0n);
  return sum > BigInt(largestAmount) ? undefined : Number(sum);
}
