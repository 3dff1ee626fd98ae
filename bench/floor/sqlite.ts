import { randomUUID } from "node:crypto";
import fastify from "fastify";
import { subject } from "../harness/subject.ts";
import { NewOrder, Order, totalOf } from "./order.ts";
import { Consumer, Log, relayOf } from "./messages.ts";
import { openStore } from "./store.ts";

/**
 * The peers' shop by hand on `node:sqlite`: every service in one thread, a file each, `synchronous=FULL`, group commit, an outbox, a durable log, an inbox.
 * Nothing of it can be used twice: it is what such a shop costs when all that a kit is for is left out.
 */
const folder = process.argv[2] ?? "";
const log = new Log(folder);

const inventory = openStore(
  folder,
  "inventory",
  `CREATE TABLE IF NOT EXISTS stock(sku TEXT PRIMARY KEY, available INTEGER NOT NULL, reserved INTEGER NOT NULL) WITHOUT ROWID;
   INSERT OR IGNORE INTO stock SELECT 'sku-' || value, 100000000, 0 FROM (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 999) SELECT value FROM n);`,
);
const reserve = inventory.db.prepare(
  "UPDATE stock SET available = available - ?2, reserved = reserved + ?2 WHERE sku = ?1 AND available >= ?2",
);
interface Created {
  readonly order_id: string;
  readonly items: NewOrder["items"];
  readonly total_cents: number;
}
new Consumer<Created>(log, inventory, ["order.created"], (_type, { order_id, items }) => {
  for (const { sku, quantity } of items)
    if (reserve.run(sku, quantity).changes === 0) throw new Error(`no stock of ${sku}`);
  inventory.publish("stock.updated", { order_id, items });
}).relay(relayOf(log, inventory));

const billing = openStore(
  folder,
  "billing",
  `CREATE TABLE IF NOT EXISTS invoices(id TEXT PRIMARY KEY, order_id TEXT NOT NULL, amount_cents INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL);
   CREATE INDEX IF NOT EXISTS invoices_order ON invoices(order_id);`,
);
const invoice = billing.db.prepare("INSERT INTO invoices VALUES (?, ?, ?, ?, ?)");
new Consumer<Created>(log, billing, ["order.created"], (_type, { order_id, total_cents }) => {
  invoice.run(randomUUID(), order_id, total_cents, "paid", Date.now());
  billing.publish("order.paid", { order_id, amount_cents: total_cents });
}).relay(relayOf(log, billing));

const notifications = openStore(
  folder,
  "notifications",
  `CREATE TABLE IF NOT EXISTS notifications(id TEXT PRIMARY KEY, order_id TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, created_at INTEGER NOT NULL);
   CREATE INDEX IF NOT EXISTS notifications_order ON notifications(order_id);`,
);
const notify = notifications.db.prepare("INSERT INTO notifications VALUES (?, ?, ?, ?, ?)");
new Consumer<{ readonly order_id: string }>(log, notifications, ["stock.updated", "order.paid"], (type, event) => {
  notify.run(randomUUID(), event.order_id, type, JSON.stringify(event), Date.now());
});

const orders = openStore(
  folder,
  "orders",
  "CREATE TABLE IF NOT EXISTS orders(id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, items TEXT NOT NULL, total_cents INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL);",
);
const insertOrder = orders.db.prepare("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)");
const relayOrders = relayOf(log, orders);
relayOrders();
log.wakeAll();

const app = fastify({ ajv: { customOptions: { removeAdditional: false } } });
app.post<{ Body: NewOrder }>(
  "/orders",
  { schema: { body: NewOrder, response: { 201: Order } } },
  async (request, reply) => {
    const { customer_id, items } = request.body;
    const order = { id: randomUUID(), customer_id, items, total_cents: totalOf(items), status: "created" };
    const { id: order_id, total_cents } = order;
    await orders.unit(() => {
      insertOrder.run(order_id, customer_id, JSON.stringify(items), total_cents, order.status, Date.now());
      orders.publish("order.created", { order_id, customer_id, items, total_cents });
    });
    relayOrders();
    return reply.code(201).send(order);
  },
);
subject({ url: await app.listen({ port: 0, host: "127.0.0.1" }) }, () => app.close());
