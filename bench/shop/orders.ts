import { service } from "holdfast/service";
import { integer, json, snapshot, sql, table, text, timestamp } from "holdfast/sql";
import * as contracts from "./contracts.ts";

const tables = {
  orders: table({
    id: text().primaryKey(),
    customer_id: text(),
    items: json<readonly { readonly sku: string; readonly quantity: number; readonly unit_price_cents: number }[]>(),
    total_cents: integer(),
    status: text(),
    created_at: timestamp(),
  }),
};
const { handle, assemble } = service("orders", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});

const placeOrder = handle(contracts.PlaceOrder, async ({ body, db, newId, now, publish, reply }) => {
  const { customer_id, items } = body;
  const total_cents = items.reduce((sum, { quantity, unit_price_cents: price }) => sum + quantity * price, 0);
  const order = { id: newId(), customer_id, items, total_cents, status: "created" };
  await db
    .insertInto("orders")
    .values({ ...order, created_at: now().getTime() })
    .execute();
  publish(contracts.OrderCreated, { order_id: order.id, customer_id, items, total_cents });
  return reply(201, order);
});

const { PlaceOrder, OrderCreated } = contracts;
export const orders = assemble({ PlaceOrder, OrderCreated }, { routes: { PlaceOrder: placeOrder }, consumers: [] });
