import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { operator, start, until, type TestSystem } from "holdfast/testing";
import { notifications } from "../notifications/service.ts";
import { gatewayFile } from "../payment-gateway/index.ts";
import { ledger } from "../payment-gateway/ledger.ts";
import { GetInvoice, OrderRefunded } from "./billing/contracts.ts";
import { billing } from "./billing/service.ts";
import { CreateCustomer } from "./customers/contracts.ts";
import { customers } from "./customers/service.ts";
import { GetReservation, GetStock, PutStock, StockRejected, StockReserved } from "./inventory/contracts.ts";
import { inventory } from "./inventory/service.ts";
import { GetOrder, GetOrderHistory, OrderConfirmed, OrderRejected, PlaceOrder } from "./orders/contracts.ts";
import { orders } from "./orders/service.ts";

const price = { amount: 250, currency: "EUR" };
const stockUp = (shop: TestSystem) =>
  shop.call(PutStock, { params: { sku: "apple" }, body: { name: "apple", price, quantity: 10 }, as: operator() });
const kept = (shop: TestSystem) =>
  existsSync(gatewayFile(shop.data))
    ? ledger(gatewayFile(shop.data)).map(({ charged, refunded }) => charged - refunded)
    : [];
const created = (orderId: string, paymentMethod = "card_ok") => ({
  type: "order.created",
  key: orderId,
  data: JSON.stringify({
    orderId,
    customerId: orderId,
    number: 1,
    lines: [{ sku: "apple", quantity: 2, price }],
    total: { amount: 500, currency: "EUR" },
    paymentMethod,
  }),
});
const rejected = (orderId: string) => ({
  type: "order.rejected",
  key: orderId,
  data: JSON.stringify({ orderId, customerId: orderId, reason: "its time was over" }),
});
const told = (type: string, orderId: string, more: object = {}) => ({
  type,
  key: orderId,
  data: JSON.stringify({ orderId, customerId: orderId, total: { amount: 500, currency: "EUR" }, ...more }),
});

test("order.rejected before order.created: nothing is reserved, nothing is charged", async () => {
  await using shop = await start([inventory, billing, notifications, customers]);
  await stockUp(shop);
  const orderId = shop.runtime.ids.uuidv7();
  await shop.inject(rejected(orderId));
  await until(
    "billing and inventory have heard of it",
    async () => (await shop.service("billing").lag()) === 0 && (await shop.service("inventory").lag()) === 0,
  );
  await shop.inject(created(orderId));
  await shop.settled();
  assert.equal((await shop.call(GetStock, { params: { sku: "apple" } })).body.reserved, 0);
  assert.equal((await shop.call(GetReservation, { params: { orderId }, as: operator() })).body.state, "released");
  assert.equal((await shop.call(GetInvoice, { params: { orderId } })).body.state, "void");
  assert.deepEqual(kept(shop), []);
  assert.deepEqual([await shop.published(StockReserved), await shop.published(StockRejected)], [[], []]);
});

test("the payment's answer after the rejection: what was charged is given back", async () => {
  await using shop = await start([billing, notifications, customers]);
  const orderId = shop.runtime.ids.uuidv7();
  await shop.inject(created(orderId, "card_slow"));
  const state = async () => (await shop.call(GetInvoice, { params: { orderId } })).body.state;
  await until("the gateway is being asked", async () => {
    try {
      return (await state()) === "charging";
    } catch {
      return false;
    }
  });
  await shop.inject(rejected(orderId));
  await until("the rejection is known", async () => (await state()) === "void-wanted");
  await until("the money is back", async () => {
    await shop.runtime.advance(500);
    return (await state()) === "refunded";
  });
  await shop.settled();
  assert.deepEqual(kept(shop), [0]);
  assert.equal((await shop.published(OrderRefunded)).length, 1);
});

/** An order that waits for everything, and what the rest of the shop may tell it. */
async function pending(shop: TestSystem): Promise<string> {
  await shop.inject({
    type: "stock.updated",
    key: "apple",
    data: JSON.stringify({ sku: "apple", name: "apple", price, quantity: 9, available: 9 }),
  });
  await shop.settled();
  const { customerId } = (await shop.call(CreateCustomer, { body: { name: "Ada", email: "ada@example.com" } })).body;
  const body = { customerId, lines: [{ sku: "apple", quantity: 2 }], paymentMethod: "card_ok" };
  return (await shop.call(PlaceOrder, { body })).body.orderId;
}
const history = async (shop: TestSystem, orderId: string) =>
  (await shop.call(GetOrderHistory, { params: { orderId } })).body.items.map(
    ({ fact, effect }) => `${fact}: ${effect}`,
  );
const status = async (shop: TestSystem, orderId: string) =>
  (await shop.call(GetOrder, { params: { orderId } })).body.status;

test("stock.rejected after order.paid: the order is rejected once, and what comes after that is recorded", async () => {
  await using shop = await start([orders, customers]);
  const orderId = await pending(shop);
  await shop.inject(told("order.paid", orderId));
  await until("it is paid", async () => (await history(shop, orderId)).includes("paid: noted"));
  await shop.inject(told("stock.rejected", orderId, { reason: "0 of apple are available" }));
  await until("it is rejected", async () => (await status(shop, orderId)) === "rejected");
  await shop.inject(told("stock.reserved", orderId));
  await shop.inject(told("order.payment-failed", orderId, { reason: "late" }));
  await shop.inject(told("order.refunded", orderId));
  await shop.settled();
  assert.deepEqual((await history(shop, orderId)).slice(0, 3), [
    "placed: noted",
    "paid: noted",
    "stock-rejected: rejected",
  ]);
  assert.deepEqual((await history(shop, orderId)).slice(3).toSorted(), [
    "payment-failed: too late",
    "refunded: noted",
    "reserved: too late",
  ]);
  assert.equal((await shop.published(OrderRejected)).length, 1);
  assert.deepEqual(await shop.published(OrderConfirmed), []);
});

test("the same word twice, and stock before payment: the order is confirmed once", async () => {
  await using shop = await start([orders, customers]);
  const orderId = await pending(shop);
  for (const type of ["stock.reserved", "stock.reserved", "order.paid", "order.paid"])
    await shop.inject(told(type, orderId));
  await until("it is confirmed", async () => (await status(shop, orderId)) === "confirmed");
  await shop.settled();
  assert.equal((await shop.published(OrderConfirmed)).length, 1);
  assert.equal((await history(shop, orderId)).filter((fact) => fact.endsWith("confirmed")).length, 1);
});

test("the timer and the last word at the same instant: one of them decides, the other is recorded", async () => {
  for (let round = 0; round < 8; round += 1) {
    await using shop = await start([orders, customers], {
      seed: round + 1,
      env: { HOLDFAST_ORDERS_TIMEOUT_MS: "1000" },
    });
    const orderId = await pending(shop);
    await shop.inject(told("order.paid", orderId));
    await until("it is paid", async () => (await history(shop, orderId)).includes("paid: noted"));
    await Promise.all([shop.runtime.advance(1_000), shop.inject(told("stock.reserved", orderId))]);
    await until("both are known", async () => {
      await shop.runtime.advance(10);
      return (await history(shop, orderId)).length === 4;
    });
    await shop.settled();
    const [confirmed, undone] = [await shop.published(OrderConfirmed), await shop.published(OrderRejected)];
    assert.equal(confirmed.length + undone.length, 1);
    assert.equal(await status(shop, orderId), confirmed.length === 1 ? "confirmed" : "rejected");
    assert.equal((await history(shop, orderId)).filter((fact) => fact.endsWith("too late")).length, 1);
  }
});
