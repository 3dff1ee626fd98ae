import { service } from "holdfast/service";
import { integer, snapshot, sql, table, text, timestamp } from "holdfast/sql";
import { OrderCreated, OrderPaid } from "./contracts.ts";

const tables = {
  invoices: table(
    { id: text().primaryKey(), order_id: text(), amount_cents: integer(), status: text(), created_at: timestamp() },
    { indexes: [{ on: ["order_id"] }] },
  ),
};
const { on, assemble } = service("billing", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});

const bill = on(OrderCreated, async ({ data: { order_id, total_cents }, db, newId, now, publish }) => {
  await db
    .insertInto("invoices")
    .values({ id: newId(), order_id, amount_cents: total_cents, status: "paid", created_at: now().getTime() })
    .execute();
  publish(OrderPaid, { order_id, amount_cents: total_cents });
});

export const billing = assemble({ OrderPaid }, { routes: {}, consumers: [bill] });
