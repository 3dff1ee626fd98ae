import { service } from "holdfast/service";
import { snapshot, sql, table, text, timestamp } from "holdfast/sql";
import { OrderPaid, StockUpdated } from "./contracts.ts";

const tables = {
  notifications: table(
    { id: text().primaryKey(), order_id: text(), kind: text(), payload: text(), created_at: timestamp() },
    { indexes: [{ on: ["order_id"] }] },
  ),
};
const { on, assemble } = service("notifications", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db, now }) => ({
    note: async (kind: string, data: { readonly order_id: string }, id: string) => {
      const { order_id } = data;
      await db
        .insertInto("notifications")
        .values({ id, order_id, kind, payload: JSON.stringify(data), created_at: now().getTime() })
        .execute();
    },
  }),
});

const noteStock = on(StockUpdated, ({ data, note, newId }) => note("stock.updated", data, newId()));
const notePaid = on(OrderPaid, ({ data, note, newId }) => note("order.paid", data, newId()));

export const notifications = assemble({}, { routes: {}, consumers: [noteStock, notePaid] });
