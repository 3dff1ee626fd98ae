import { service } from "holdfast/service";
import { integer, prepared, snapshot, sql, table, text, timestamp, type Db } from "holdfast/sql";
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

interface Invoice {
  readonly id: string;
  readonly order_id: string;
  readonly amount_cents: number;
  readonly created_at: number;
}
const insertInvoice = prepared((db: Db<typeof tables>, { id, order_id, amount_cents, created_at }: Invoice) =>
  db.insertInto("invoices").values({ id, order_id, amount_cents, status: "paid", created_at }),
);

const bill = on(OrderCreated, async ({ data: { order_id, total_cents }, db, newId, now, publish }) => {
  await insertInvoice(db, { id: newId(), order_id, amount_cents: total_cents, created_at: now().getTime() });
  publish(OrderPaid, { order_id, amount_cents: total_cents });
});

export const billing = assemble({ OrderPaid }, { routes: {}, consumers: [bill] });
