import { service } from "holdfast/service";
import { prepared, snapshot, sql, table, text, timestamp, type Db } from "holdfast/sql";
import { OrderPaid, StockUpdated } from "./contracts.ts";

const tables = {
  notifications: table(
    { id: text().primaryKey(), order_id: text(), kind: text(), payload: text(), created_at: timestamp() },
    { indexes: [{ on: ["order_id"] }] },
  ),
};
interface Note {
  readonly id: string;
  readonly order_id: string;
  readonly kind: string;
  readonly payload: string;
  readonly created_at: number;
}
const insertNote = prepared((db: Db<typeof tables>, { id, order_id, kind, payload, created_at }: Note) =>
  db.insertInto("notifications").values({ id, order_id, kind, payload, created_at }),
);
const { on, assemble } = service("notifications", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db, now }) => ({
    note: async (kind: string, data: { readonly order_id: string }, id: string) => {
      const { order_id } = data;
      await insertNote(db, { id, order_id, kind, payload: JSON.stringify(data), created_at: now().getTime() });
    },
  }),
});

const noteStock = on(StockUpdated, ({ data, note, newId }) => note("stock.updated", data, newId()));
const notePaid = on(OrderPaid, ({ data, note, newId }) => note("order.paid", data, newId()));

export const notifications = assemble({}, { routes: {}, consumers: [noteStock, notePaid] });
