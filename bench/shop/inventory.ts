import { service } from "holdfast/service";
import { integer, prepared, snapshot, sql, table, text, type Db } from "holdfast/sql";
import { OrderCreated, StockUpdated } from "./contracts.ts";

const tables = { stock: table({ sku: text().primaryKey(), available: integer(), reserved: integer() }) };
const { on, assemble } = service("inventory", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});

/** Every product begins with the same stock, written when it is first asked for. */
const opening = 100_000_000;

const take = prepared((db: Db<typeof tables>, line: { readonly sku: string; readonly quantity: number }) =>
  db
    .updateTable("stock")
    .set((stock) => ({
      available: stock("available", "-", line.quantity),
      reserved: stock("reserved", "+", line.quantity),
    }))
    .where("sku", "=", line.sku)
    .where("available", ">=", line.quantity),
);

const reserve = on(OrderCreated, async ({ data: { order_id, items }, db, publish }) => {
  for (const { sku, quantity } of items) {
    if ((await take(db, { sku, quantity })).changes > 0) continue;
    await db
      .insertInto("stock")
      .values({ sku, available: opening - quantity, reserved: quantity })
      .execute();
  }
  publish(StockUpdated, { order_id, items });
});

export const inventory = assemble({ StockUpdated }, { routes: {}, consumers: [reserve] });
