import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile } from "holdfast/contract";
import { currencies, decimalsOf } from "./currencies.ts";
import { largestAmount, PaymentMethod, Price, sumOf, written } from "./money.ts";

const { check: isMethod } = compile(PaymentMethod, { open: false });

test("a card number is no payment method, however its digits are grouped and whatever stands around them", () => {
  const numbers = `
    4111111111111111 4111-1111-1111-1111 4111_1111_1111_1111 378282246310005 card4111111111111111
    4111111111111111x tok-4111111111111111 tok_4111-1111-1111-1111 4111x1111x1111x1111 4111-1111-1111-1111card
    amex3782-822463-10005 pan_6212345678901265123_1 Visa-4222222222222 card-4111-1111-1111-1111-123`;
  for (const number of numbers.trim().split(/\s+/)) assert.ok(!isMethod(number), number);
  for (const token of ["card_ok", "pm_card_visa", "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "12345", "card_2030-01-01_123456"])
    assert.ok(isMethod(token), token);
});

test("UUIDs and hexadecimal tokens are payment methods, however many digits they hold", () => {
  const digits = "12345678-1234-4123-8123-a12345678901";
  for (const token of [digits, `tok_${digits}`, digits.replaceAll("-", "")]) assert.ok(isMethod(token), token);
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.constantFrom("", "tok_", "pm-"),
      (uuid, before) => isMethod(before + uuid) && isMethod(before + uuid.replaceAll("-", "a")),
    ),
  );
});

test("a price is in a currency that exists, and takes as many decimals as ISO 4217 gives it", () => {
  const { check } = compile(Price, { open: false });
  for (const currency of ["EUR", "USD", "JPY", "KWD", "CLF", "UYW", "XAF", "XCG", "ZWG"])
    assert.ok(check({ amount: 1, currency }), currency);
  for (const currency of ["XXX", "ZZZ", "XTS", "XAU", "XDR", "DEM", "HRK", "eur", "EURO", "", "constructor"])
    assert.ok(!check({ amount: 1, currency }), currency);
  for (const [amount, currency, text] of [
    [5_000, "JPY", "5000 JPY"],
    [0, "JPY", "0 JPY"],
    [5_000, "KWD", "5.000 KWD"],
    [1, "BHD", "0.001 BHD"],
    [12_345, "CLF", "1.2345 CLF"],
    [1, "UYW", "0.0001 UYW"],
    [1_999, "EUR", "19.99 EUR"],
    [5, "EUR", "0.05 EUR"],
    [largestAmount, "EUR", "10000000000.00 EUR"],
    [1_999, "LAK", "19.99 LAK"],
    [1_999, "HRK", "19.99 HRK"],
  ] as const)
    assert.equal(written({ amount, currency }), text);
});

test("what is written is the amount, digit by digit", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.constantFrom(...currencies), (amount, currency) => {
      const [, whole = "", fraction = ""] = /^(\d+)(?:\.(\d+))? [A-Z]{3}$/.exec(written({ amount, currency })) ?? [];
      assert.equal(fraction.length, decimalsOf(currency));
      assert.equal(BigInt(whole + fraction), BigInt(amount));
    }),
  );
});

test("amounts are added up exactly, or not at all", () => {
  const parts = fc.array(
    fc.record({ amount: fc.nat({ max: largestAmount }), quantity: fc.integer({ min: 1, max: 1_000 }) }),
  );
  fc.assert(
    fc.property(parts, (all) => {
      const exact = all.reduce((sum, { amount, quantity }) => sum + BigInt(amount) * BigInt(quantity), 0n);
      const sum = sumOf(all);
      assert.equal(sum === undefined, exact > BigInt(largestAmount));
      if (sum !== undefined) assert.equal(BigInt(sum), exact);
    }),
  );
  const most = { amount: largestAmount, quantity: 1 };
  assert.equal(sumOf([most]), largestAmount);
  assert.equal(sumOf([most, { amount: 1, quantity: 1 }]), undefined);
  assert.equal(sumOf(Array.from({ length: 100 }, () => ({ amount: largestAmount, quantity: 1_000 }))), undefined);
  assert.equal(sumOf([]), 0);
});
