import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { seededRandom } from "holdfast/runtime";
import { asService, operator, start, type TestSystem } from "holdfast/testing";
import { notifications } from "../notifications/service.ts";
import { customers } from "./customers/service.ts";
import { GetReservation, GetStock, LowStock, PutStock, ReserveStock, StockReserved } from "./inventory/contracts.ts";
import { inventory } from "./inventory/service.ts";

const skus = ["one", "two", "three"];
const price = { amount: 100, currency: "EUR" };
const clients = 64;
const env = { HOLDFAST_INVENTORY_EXPIRY_MS: "1000", HOLDFAST_INVENTORY_WAIT_MS: "300" };

/** What a client does to an order, in any order and at the same time as all others. */
async function client(shop: TestSystem, orderId: string, random: { next(): number }): Promise<void> {
  const lines = skus
    .filter(() => random.next() < 0.6)
    .map((sku) => ({ sku, quantity: 1 + Math.floor(random.next() * 3) }));
  if (lines.length === 0) lines.push({ sku: "one", quantity: 1 });
  const created = {
    type: "order.created",
    key: orderId,
    id: shop.runtime.ids.uuidv7(),
    data: JSON.stringify({
      orderId,
      customerId: orderId,
      number: 1,
      lines: lines.map((line) => ({ ...line, price })),
      total: price,
      paymentMethod: "card_ok",
    }),
  };
  const rejected = {
    type: "order.rejected",
    key: orderId,
    id: shop.runtime.ids.uuidv7(),
    data: JSON.stringify({ orderId, customerId: orderId, reason: "chance" }),
  };
  const ask = async () => {
    try {
      await shop.call(ReserveStock, { body: { orderId, lines }, as: asService("orders") });
    } catch (error) {
      assert.ok(isProblem(error, "inventory/out-of-stock"), String(error));
    }
  };
  const deeds: (() => Promise<unknown>)[] = [];
  if (random.next() < 0.4) deeds.push(ask);
  if (random.next() < 0.8) deeds.push(() => shop.inject(created));
  if (random.next() < 0.2) deeds.push(() => shop.inject(created));
  if (random.next() < 0.4) deeds.push(() => shop.inject(rejected));
  if (random.next() < 0.1) deeds.push(() => shop.inject(rejected));
  if (random.next() < 0.2) deeds.push(ask);
  if (random.next() < 0.15) deeds.push(() => shop.runtime.advance(1_100));
  deeds.sort(() => random.next() - 0.5);
  for (const deed of deeds) await deed();
}

for (const seed of [1, 2, 3, 4])
  void test(`64 clients on three products with little stock never oversell, and low stock is announced once a crossing: seed ${String(seed)}`, async () => {
    await using shop = await start([inventory, notifications, customers], { seed, env });
    const random = seededRandom(seed);
    for (const sku of skus)
      await shop.call(PutStock, {
        params: { sku },
        body: { name: sku, price, quantity: 30, threshold: 10 },
        as: operator(),
      });
    let watching = true;
    const watch = async () => {
      while (watching) {
        // Reads alone would leave the others no turn.
        await shop.runtime.timers.sleep(1);
        for (const sku of skus) {
          const { quantity, reserved, available } = (await shop.call(GetStock, { params: { sku } })).body;
          assert.ok(reserved >= 0 && available >= 0 && reserved + available === quantity, `${sku} is oversold`);
        }
      }
    };
    const watched = watch();
    const orderIds = Array.from({ length: clients }, () => shop.runtime.ids.uuidv7());
    await Promise.all(orderIds.map((orderId) => client(shop, orderId, random)));
    await shop.settled();
    // What nobody has taken over goes when its time is over.
    await shop.runtime.advance(1_100);
    await shop.settled();
    watching = false;
    await watched;
    const held: Record<string, number> = { one: 0, two: 0, three: 0 };
    for (const orderId of orderIds) {
      try {
        const { body } = await shop.call(GetReservation, { params: { orderId }, as: operator() });
        assert.ok(!["reserving", "releasing"].includes(body.state), `${orderId} is still ${body.state}`);
        if (body.state === "reserved")
          for (const { sku, quantity } of body.lines) held[sku] = (held[sku] ?? 0) + quantity;
      } catch (error) {
        assert.ok(isProblem(error, "inventory/unknown-reservation"));
      }
    }
    for (const sku of skus) {
      const { reserved } = (await shop.call(GetStock, { params: { sku } })).body;
      assert.equal(reserved, held[sku], `what is reserved of ${sku} is the sum of its reservations`);
    }
    const low = await shop.published(LowStock);
    assert.equal(new Set(low.map(({ sku, crossing }) => `${sku} ${String(crossing)}`)).size, low.length);
    for (const sku of skus) {
      const crossings = low.filter((each) => each.sku === sku).map(({ crossing }) => crossing);
      assert.deepEqual(
        crossings,
        crossings.map((_, at) => at + 1),
        `each crossing of ${sku} once, in order`,
      );
    }
    const reserved = await shop.published(StockReserved);
    assert.equal(new Set(reserved.map(({ orderId }) => orderId)).size, reserved.length);
  });
