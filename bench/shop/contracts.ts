import { contracts, t } from "holdfast/contract";

/** The peers' shop: their fields, rows and events. */
const sku = t.String({ minLength: 1, maxLength: 64 });
const Item = t.Object({
  sku,
  quantity: t.Integer({ minimum: 1, maximum: 1000 }),
  unit_price_cents: t.Integer({ minimum: 0 }),
});
export const Items = t.Array(Item, { minItems: 1, maxItems: 100 });
const orderId = t.String({ format: "uuid" });

export const Order = t.Object({
  id: orderId,
  customer_id: t.String(),
  items: t.Array(Item),
  total_cents: t.Integer(),
  status: t.String(),
});

const orders = contracts("orders");
export const PlaceOrder = orders.endpoint("POST /orders", {
  summary: "Places an order",
  access: "anyone",
  body: t.Object({
    customer_id: t.String({ minLength: 1, maxLength: 64 }),
    items: Items,
  }),
  replies: {
    201: Order,
  },
});
export const OrderCreated = orders.event("order.created", {
  version: 1,
  key: "order_id",
  summary: "An order was placed",
  data: t.Object({ order_id: orderId, customer_id: t.String(), items: t.Array(Item), total_cents: t.Integer() }),
});

export const StockUpdated = contracts("inventory").event("stock.updated", {
  version: 1,
  key: "order_id",
  summary: "An order's items are reserved",
  data: t.Object({ order_id: orderId, items: t.Array(Item) }),
});

export const OrderPaid = contracts("billing").event("order.paid", {
  version: 1,
  key: "order_id",
  summary: "An order is paid",
  data: t.Object({ order_id: orderId, amount_cents: t.Integer() }),
});
