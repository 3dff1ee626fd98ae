import { service } from "holdfast/service";
import { integer, snapshot, sql, table, text } from "holdfast/sql";
import { OrderCreated, StockUpdated } from "./contracts.ts";

const tables = { stock: table({ sku: text().primaryKey(), available: integer(), reserved: integer() }) };
const { on, assemble } = service("inventory", {
  store: sql({ tables, migrations: [{ name: "0001-initial", snapshot: snapshot(tables) }] }),
  scope: ({ db }) => ({ db }),
});

/** Every product begins with the same stock, written when it is first asked for. */
const opening = 100_000_000;

const reserve = on(OrderCreated, async ({ data: { order_id, items }, db, publish }) => {
  for (const { sku, quantity } of items) {
    const taken = await db
      .updateTable("stock")
      .set((stock) => ({
        available: stock("available", "-", quantity),
        reserved: stock("reserved", "+", quantity),
      }))
      .where("sku", "=", sku)
      .where("available", ">=", quantity)
      .executeTakeFirst();
    if (taken.numUpdatedRows > 0n) continue;
    await db
      .insertInto("stock")
      .values({ sku, available: opening - quantity, reserved: quantity })
      .execute();
  }
  publish(StockUpdated, { order_id, items });
});

export const inventory = assemble({ StockUpdated }, { routes: {}, consumers: [reserve] });
