import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { mintToken } from "holdfast/access";
import { startPlatform } from "holdfast/cli";
import { isProblem } from "holdfast/contract";
import { systemRuntime } from "holdfast/runtime";
import { asService, operator, start, until, user, type TestSystem } from "holdfast/testing";
import { systems } from "../systems.ts";
import { CreateCustomer } from "./customers/contracts.ts";
import {
  AbandonReservation,
  GetStock,
  OpenReservation,
  PutStock,
  ReserveStock,
  StockUpdated,
} from "./inventory/contracts.ts";
import { PlaceOrder } from "./orders/contracts.ts";
import { commerce } from "./services.ts";

const stockUp = (shop: TestSystem, sku: string, currency: string) => {
  const body = { name: sku, price: { amount: 250, currency }, quantity: 50 };
  return shop.call(PutStock, { params: { sku }, body, as: operator() });
};
const stock = async (shop: TestSystem, sku: string) => (await shop.call(GetStock, { params: { sku } })).body;
const is = (code: string) => (error: unknown) => isProblem(error, code);

test("an immediate order that is refused for what it says reserves nothing", async () => {
  await using shop = await start(commerce);
  await stockUp(shop, "apple", "EUR");
  await stockUp(shop, "pear", "USD");
  const customer = { name: "C", email: "c@example.com" };
  const { customerId } = (await shop.call(CreateCustomer, { body: customer, as: user("ada") })).body;
  await shop.settled();
  const before = (await shop.published(StockUpdated)).length;
  const order = (...skus: readonly string[]) => ({
    customerId,
    lines: skus.map((sku) => ({ sku, quantity: 1 })),
    paymentMethod: "card_ok",
    reservation: "immediate" as const,
  });
  const place = (body: ReturnType<typeof order>, who: string) => shop.call(PlaceOrder, { body, as: user(who) });
  await assert.rejects(place(order("apple", "pear"), "ada"), is("orders/mixed-currencies"));
  await assert.rejects(place(order("apple"), "bob"), is("orders/unknown-customer"));
  await assert.rejects(place(order("apple", "fig"), "ada"), is("orders/unknown-product"));
  await shop.settled();
  assert.equal((await shop.published(StockUpdated)).length, before);
});

test("an attempt that is abandoned frees its stock at once; what arrives of it later is refused, and another attempt is not", async () => {
  await using shop = await start(commerce);
  await stockUp(shop, "apple", "EUR");
  const as = asService("orders");
  const lines = [{ sku: "apple", quantity: 50 }];
  const params = { orderId: shop.runtime.ids.uuidv7() };
  const reserve = (attempt: string) => shop.call(ReserveStock, { body: { ...params, lines, attempt }, as });
  const abandon = (attempt: string) => shop.call(AbandonReservation, { params, query: { attempt }, as });
  const reservedIs = (reserved: number) =>
    until(`${String(reserved)} are reserved`, async () => (await stock(shop, "apple")).reserved === reserved);
  await abandon("0");
  const late = shop.call(OpenReservation, { params, body: { lines, attempt: "0" }, as });
  await assert.rejects(late, is("inventory/abandoned"), "it came after the word that it was over");
  assert.equal((await reserve("1")).status, 201);
  assert.equal((await reserve("2")).status, 201);
  await abandon("1");
  assert.equal((await stock(shop, "apple")).reserved, 50, "the second attempt has it");
  await abandon("2");
  await abandon("2");
  await reservedIs(0);
  assert.equal((await reserve("3")).status, 201);
  await shop.call(OpenReservation, { params, body: { lines, attempt: "4" }, as });
  await abandon("4");
  // It comes while the stock is on its way back.
  assert.equal((await reserve("5")).status, 201);
  await shop.runtime.advance(120_000);
  await reservedIs(0);
  await shop.settled();
});

test("an immediate order whose time is over before it is placed frees its stock within seconds", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-unplaced-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const args = ["commerce", "--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`];
  const platform = await startPlatform({ systems, args, env: {} });
  t.after(() => platform.stop(2_000));
  assert.ok(platform.keys !== undefined);
  const caller = operator();
  const token = await mintToken(platform.keys, { caller, clock: systemRuntime().clock });
  const ask = async (method: string, address: string, body?: object, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${platform.url}${address}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Proof: the platform answers with JSON objects.
    return { http: reply.status, ...((await reply.json()) as Readonly<Record<string, unknown>>) };
  };
  const price = { amount: 100, currency: "EUR" };
  const coffee = { name: "Coffee", price, quantity: 50 };
  await ask("PUT", "/stock/coffee", coffee, { authorization: `Bearer ${token}` });
  const customer = await ask("POST", "/customers", { name: "C", email: "c@example.com" });
  const customerId = String(Reflect.get(customer, "customerId"));
  const lines = [{ sku: "coffee", quantity: 1 }];
  const order = { customerId, lines, paymentMethod: "card_declined", reservation: "immediate" };
  await ask("POST", "/orders", order);
  const unplaced: number[] = [];
  for (let at = 0; at < 60; at += 1) {
    const { http } = await ask("POST", "/orders", order, { "x-request-timeout": String(2 + (at % 15)) });
    if (http !== 201) unplaced.push(http);
  }
  assert.ok(unplaced.length > 5, `only ${String(unplaced.length)} were in time too short`);
  await until("nothing is reserved", async () => Reflect.get(await ask("GET", "/stock/coffee"), "reserved") === 0);
});
