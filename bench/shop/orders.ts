import { service } from "holdfast/service";
import { integer, json, prepared, snapshot, sql, table, text, timestamp, type Db } from "holdfast/sql";
import type { Value } from "holdfast/contract";
import { burn } from "../harness/burn.ts";
import * as contracts from "./contracts.ts";

const tables = {
  orders: table({
    id: text().primaryKey(),
    customer_id: text(),
    items: json<Value<typeof contracts.Items>>(),
    total_cents: integer(),
    status: text(),
    created_at: timestamp(),
  }),
};
const { handle, assemble } = service("orders", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});

const insertOrder = prepared(
  (db: Db<typeof tables>, order: Value<typeof contracts.Order> & { readonly created_at: number }) =>
    db.insertInto("orders").values({
      id: order.id,
      customer_id: order.customer_id,
      items: order.items,
      total_cents: order.total_cents,
      status: order.status,
      created_at: order.created_at,
    }),
);

const placeOrder = handle(contracts.PlaceOrder, async ({ body, db, newId, now, publish, reply }) => {
  burn();
  const { customer_id, items } = body;
  const total_cents = items.reduce((sum, { quantity, unit_price_cents: price }) => sum + quantity * price, 0);
  const order = { id: newId(), customer_id, items, total_cents, status: "created" };
  await insertOrder(db, { ...order, created_at: now().getTime() });
  publish(contracts.OrderCreated, { order_id: order.id, customer_id, items, total_cents });
  return reply(201, order);
});

const { PlaceOrder, OrderCreated } = contracts;
export const orders = assemble({ PlaceOrder, OrderCreated }, { routes: { PlaceOrder: placeOrder }, consumers: [] });
