import assert from "node:assert/strict";
import { test } from "node:test";
import { chargeInvoice } from "./charge-invoice.ts";
import { refundInvoice } from "./refund-invoice.ts";

test("the gateway is asked under the very keys that a dead letter would list", async () => {
  const data = { orderId: "an order", invoiceId: "an invoice" };
  const used: string[] = [];
  const ask = ({ key }: { readonly key: string }) => Promise.resolve(void used.push(key));
  const require = () =>
    Promise.resolve({
      total: { amount: 1, currency: "EUR" },
      paymentMethod: "card",
      chargeId: "c",
      state: "charging",
      createdAt: "2030-01-01T00:00:00Z",
    });
  const given = { data, invoices: { require }, gateway: { charge: ask, refund: ask } };
  for (const { prepare, options } of [chargeInvoice, refundInvoice]) {
    used.length = 0;
    await prepare?.(given as never); // Proof: what these steps take of what they are given.
    assert.equal(used.length, 1);
    assert.deepEqual(options.effectKeys?.(data as never), used); // Proof: the data of both jobs.
  }
});
