import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "holdfast/contract";
import { PaymentMethod } from "./money.ts";

test("a card number is no payment method, however its digits are grouped", () => {
  const { check } = compile(PaymentMethod, { open: false });
  for (const number of ["4111111111111111", "4111-1111-1111-1111", "4111_1111_1111_1111", "378282246310005"])
    assert.ok(!check(number), number);
  for (const token of ["card_ok", "pm_card_visa", "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "tok-4111111111111111", "12345"])
    assert.ok(check(token), token);
});
